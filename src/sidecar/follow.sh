# shellcheck shell=dash
# Follows one wrapped container until its part of the step is known. Expects lib.sh, artifact.sh, $deadline,
# $compression. What is known stands in `out/result`, so that a restarted pusher goes on from there:
#   part CODE    the program ended with CODE and its output is here
#   none CODE    it ended with CODE, and no output was to be pushed
#   lost REASON  it was killed, or its output could not be had; there will be no other attempt

# Descriptors: 4 answers the wrapped container (held, or the answer would be lost with the last holder of the pipe), 5 and 6
# hear it, 9 takes the data. Opening a pipe for reading and writing never blocks (fifo(7)). Read-only while such a
# descriptor is open does not block either, and once that is closed, end of file says that no wrapped container is left.
listen_for_end() {
  [ -n "${1-}" ] || exec 5<>"$own/control"
  exec 6<"$own/control" 5>&-
}

# Waits for a wrapped container that may not be there yet; sets $record. Ends the container when none comes: nothing would.
# False when none will, because the Pod was deleted.
await_launcher() {
  exec 5<>"$own/control"
  # Once the pipe is open, its record of a deletion is not lost; one from before is a file.
  if [ -e "$step/out/deleted" ]; then
    record=deleted
  else
    # An attempt whose output could not be received may not know that yet and say that it is complete.
    while
      read -r -t "$deadline" record <&5 ||
        fail "$EXIT_CONTAINER_MISSING" "the wrapped container did not start within $deadline s; nothing was pushed"
      [ "${record%% *}" = commit ]
    do :; done
  fi
  if [ "$record" = deleted ]; then
    echo "lost the Pod was deleted before its program started" >"$out/result"
    return 1
  fi
  listen_for_end open
}

# Reads the next record; false at end of file.
hear() { read -r record <&6; }

# forget_attempt DIR: nothing of it may be taken for the next one's. The result goes first: it says that the rest is there.
forget_attempt() {
  rm -f "$1/result" "$1/attempt" "$1/blob" "$1/digests" "$1/received"
}

# The wrapped container was killed before it said how it ended, or its output could not be received. Where it
# is restarted, the next attempt counts.
attempt_is_over() {
  forget_attempt "$out"
  if [ "$policy" = Never ]; then
    printf 'lost %s\n' "$1" >"$out/result"
  else
    say "$1; nothing was pushed; waiting for the wrapped container to be restarted"
  fi
}

# Takes the records of one attempt until it is over. $record may hold the first one.
follow_attempt() {
  while [ -n "$record" ] || hear; do
    # shellcheck disable=SC2086  # words of a record
    set -- $record
    record=
    case "${1-}" in
    hello)
      printf '%s\n' "$2" >"$out/attempt"
      say_ready
      ;;
    failed)
      attempt_is_over "the wrapped container failed with exit code $3 before its program"
      return
      ;;
    ran)
      case "${4-}" in
      push)
        # An offer to a life before this one will be made again.
        [ "$7" = "$life" ] || continue
        if ! take_output "$2" "$5" "$6"; then
          printf 'no %s\n' "$2" >&4
          attempt_is_over "the output could not be received"
          return
        fi
        ;;
      none)
        if [ "$3" = 0 ] || [ "$policy" = Never ]; then
          settle "none $3"
        else
          attempt_is_over "the program ended with exit code $3"
        fi
        return
        ;;
      *)
        attempt_is_over "the program ended with exit code $3 and left nothing to push"
        return
        ;;
      esac
      ;;
    commit)
      [ "$5" = "$life" ] || continue
      if [ "${4-}" != ok ]; then
        attempt_is_over "the output could not be packed"
        return
      fi
      settle "part $3"
      return
      ;;
    esac
  done
  attempt_is_over "the wrapped container ended without a verdict: it was killed"
}

settle() {
  printf '%s\n' "$1" >"$out/next"
  mv "$out/next" "$out/result"
}

# Each start of this container is a life: the wrapped container offers its output to one, and to the next if that ends.
say_ready() { printf 'ready %s %s %s\n' "$(cat "$out/attempt")" "$policy" "$life" >&4; }

# Receives the output through the data pipe into one blob.
take_output() {
  local problem=
  decode "$3"
  case "$decoded" in
  '' | .. | */*)
    say "error: the wrapped container sent the file name $decoded"
    return 1
    ;;
  esac
  exec 7<>"$own/data"
  exec 9<"$own/data" 7>&-
  printf 'go %s\n' "$1" >&4
  write_blob "$2" <&9 || problem=yes
  # Also after a failure: the wrapped container would write forever to a pipe that is open and not read.
  exec 9<&-
  [ -z "$problem" ] || return 1
  printf '%s %s\n' "$2" "$3" >"$out/received"
}

# follow NUMBER POLICY: returns when the wrapped container's part is known.
follow() {
  own="$share/$1" policy="$2" record=
  out="$own/out"
  read -r life </proc/sys/kernel/random/uuid
  exec 4<>"$own/ready"
  until [ -e "$out/result" ]; do
    # After a restart of this container alone, the wrapped container may be running still.
    if [ -e "$out/attempt" ]; then
      listen_for_end
      say_ready
    else
      await_launcher || return 0
    fi
    follow_attempt
  done
  # The wrapped container need not wait for the push. Said again after a restart, which may have come between.
  [ ! -e "$out/attempt" ] || printf 'taken %s\n' "$(cat "$out/attempt")" >&4
}
