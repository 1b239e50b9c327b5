# shellcheck shell=dash
# What the scripts in a Pod share. They run in Debian's busybox, whose shell takes every applet from itself, so
# no script depends on a program, a PATH or a shell of the image that it runs in. Expects $share.

# shellcheck source=../../generated/constants.sh
. "$share/bin/constants.sh"

# The first wrapped container's folder, which has what is the whole step's too: the inputs and what oras needs. Another one's
# has its number.
step="$share/0"
debug=false
message_path=/dev/termination-log

# Programs on the share are dynamic and run by the loader beside them: the image may have another libc, or none. Its
# environment may have LD_PRELOAD, TAR_OPTIONS or POSIXLY_CORRECT, which are not meant for them.
tool() {
  local program="$1"
  shift
  env -i "$share/lib/ld.so" --library-path "$share/lib" "$share/bin/$program" "$@"
}

# Holds 2 MiB between a program that writes and one that reads. A pipe holds 64 KiB, but igzip takes and gives 1 MiB at
# a time, and its other side would wait meanwhile.
buffer() { tool mbuffer -q -v 0 -s 64k -m 2M; }

say() { printf 'oras: %s\n' "$*" >&2; }

explain() { [ "$debug" != true ] || say "debug: $*"; }

# terminate_with MESSAGE [END]: writes the termination message, unless the program wrote one. At most 1 KiB, with its
# end kept: the kubelet keeps 4 KiB a container, 12 KiB a Pod (k8s.io/docs, "Determine the Reason for Pod Failure").
terminate_with() {
  local end="${2-}"
  [ -s "$message_path" ] ||
    { printf '%s' "$1" | head -c $((1023 - ${#end})) && printf '%s' "$end"; } 2>/dev/null >"$message_path" || true
}

# fail CODE MESSAGE…: for the person who reads the log or `kubectl describe`.
fail() {
  local code="$1"
  shift
  say "error: $*"
  terminate_with "$*" " (exit code $code)"
  exit "$code"
}

# Seconds since the machine started: never set back.
now() { cut -d. -f1 /proc/uptime; }

# Waits for a child and returns its exit code. A signal that this shell hears, which is SIGTERM alone, ends a wait with
# 143, not the child.
wait_for() {
  local code
  while
    wait "$1"
    code=$?
    [ "$code" -eq 143 ]
  do :; done
  return "$code"
}

# A text in one line without characters that a line protocol cannot carry.
encode() { printf '%s' "$1" | base64 -w 0; }

# The text again, final newlines kept: a command substitution would cut them. Result in $decoded.
decode() {
  decoded="$(printf '%s' "$1" | base64 -d && printf .)" || return 1
  decoded="${decoded%.}"
}

# A title names a file or directory below the place where it is unpacked (OCI image spec,
# org.opencontainers.image.title; oras forbids absolute ones too).
title_is_safe() {
  case "/$1/" in
  // | *//* | */../*) return 1 ;;
  esac
  return 0
}
