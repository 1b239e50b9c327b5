# shellcheck shell=dash
# What the output is, and its bytes on descriptor 6: a file as it is, a directory as a reproducible tar. Expects lib.sh,
# links.sh, $output, $output_path, $output_pipe. Problems go to $problem.

# What would fail at the end fails before the program runs.
check_paths() {
  local place
  if [ -n "$output_pipe" ]; then
    # Opening one would wait for a reader.
    [ ! -p "$output_pipe" ] || fail "$EXIT_CHECK_FAILED" "the output pipe $output_pipe is a named pipe; it must be a file, which is made when it is not there"
    # In a subshell: a redirection that fails ends a shell whose special builtin it is for.
    (: >>"$output_pipe") 2>/dev/null || fail "$EXIT_CHECK_FAILED" "the output pipe $output_pipe cannot be written by user $(id -u); its directory must exist and be writable"
  fi
  [ "$output" = true ] || return 0
  if [ "$(readlink -f -- "$output_path" 2>/dev/null)" = / ]; then
    fail "$EXIT_CHECK_FAILED" "the output would be the root of the filesystem; name a file or directory with $OUTPUT_PATH_ANNOTATION, or set a working directory"
  fi
  case "$(readlink -f -- "$output_path" 2>/dev/null)/" in
  "$share"/*) fail "$EXIT_CHECK_FAILED" "the output path $output_path lies on $share, which is the operator's own and read-only" ;;
  esac
  # The program may make it; but not below a file.
  place="$output_path"
  until [ -e "$place" ]; do
    # A working directory that may not be searched has not even this.
    [ "$place" != . ] || fail "$EXIT_CHECK_FAILED" "the output path $output_path cannot be reached in the working directory $PWD by user $(id -u)"
    place="$(dirname -- "$place")"
  done
  [ -d "$place" ] || [ "$place" = "$output_path" ] ||
    fail "$EXIT_CHECK_FAILED" "the output path $output_path lies below $place, which is not a directory"
}

# Sets $kind, $title, $parent and $member. The working directory and a path that ends in /. stand for their
# contents; another directory arrives under its own name.
describe_output() {
  problem=
  if [ ! -e "$output_path" ]; then
    problem="there is nothing at $output_path"
    say "error: the output is missing: $problem"
    return 1
  fi
  local path="$output_path" real
  real="$(readlink -f -- "$path")"
  if [ ! -d "$real" ]; then
    kind=file title="$(basename -- "$path" && printf .)"
    title="${title%??}" # the newline of basename and the dot that keeps those of the name
    [ -f "$real" ] && [ -r "$real" ] && return 0
    problem="$path is not a file that user $(id -u) can read"
    say "error: $problem"
    return 1
  fi
  kind=dir
  case "$path" in
  . | */. | */./) title=. ;;
  *) [ "$real" = "$(readlink -f -- "$PWD")" ] && title=. || title=named ;;
  esac
  if [ "$title" = . ]; then
    parent="$real" member=.
  else
    while [ "$path" != "${path%/}" ]; do path="${path%/}"; done
    # The name that it goes by is known to others.
    case "/$path" in */..) path="$real" ;; esac
    title="$(basename -- "$path" && printf .)"
    title="${title%??}"
    # A link to a directory is packed as the directory, under the link's name.
    parent="$real" member=.
    if [ ! -L "$path" ]; then parent="$(dirname -- "$real")" member="$(basename -- "$real")"; fi
  fi
  check_tree
}

# Links that leave the tree would break every consumer: oras refuses to unpack them. Sockets, pipes and devices
# cannot be packed. The share, in a tree that it is mounted in, is nobody's output.
check_tree() {
  local list
  skipped="$(cd "$parent" && tool find "$(case "$member" in .) printf . ;; *) printf './%s' "$member" ;; esac)" \
    \( -path "./${share#"${parent%/}"/}" -prune -o -type p -o -type s -o -type b -o -type c \) -printf '%p\0' | tr '\0\n' '\n\001')"
  [ -z "$skipped" ] || say "not packed, neither file nor directory: $(printf '%s' "$skipped" | tr '\001' '?')"
  list="$(cd "$parent/$member" && tool find . -path "./${share#"$(readlink -f "$parent/$member")"/}" -prune -o -type l -printf '%p\0%l\0' | tr '\0\n' '\n\001' | leaving_links)"
  [ -z "$list" ] && return 0
  problem="links that leave the output: $list"
  say "error: $problem; make them relative to a file inside, or copy the file"
  return 1
}

# The same tree gives the same bytes: sorted, no owner, no time.
pack() {
  if [ "$kind" = file ]; then
    cat <"$(readlink -f -- "$output_path")" >&6
    return
  fi
  local line mark
  mark="$(printf '\001')"
  cd "$parent" || return 1
  set -- --create --file=- --format=gnu --sort=name --owner=0 --group=0 --numeric-owner "--mtime=$share/epoch"
  set -- "$@" --anchored --no-wildcards
  while read -r line; do
    [ "$member" = . ] || line="${line#./}"
    case "$line" in *"$mark"*) line="$(printf '%s' "$line" | tr '\001' '\n')" ;; esac
    [ -z "$line" ] || set -- "$@" "--exclude=$line"
  done <<EOF
$skipped
EOF
  if [ "$member" = . ] && [ "$title" != . ]; then
    set -- "$@" "--transform=flags=rh;s,^\\.,$(printf '%s' "$title" | sed 's/[\\,&]/\\&/g'),"
  fi
  # Large records cost a tenth of what tar's blocks of 512 bytes would one by one.
  tool tar "$@" --blocking-factor=128 "--add-file=$member" >&6
  # 1: a file changed while it was read; it is in the archive as it was found (tar, "Return status").
  [ $? -le 1 ]
}
