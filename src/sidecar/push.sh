# shellcheck shell=dash
# The container `oras`: waits for the launcher's verdict and pushes what it hands over.
# push.sh --share DIR --output REF --restart-policy POLICY [--image IMAGE] [--inputs N] [--timeout S] [--deadline S]
#         [--credentials DIR --private DIR] [--message-path P] [--debug true]
set -u
# When the Pod is deleted before a launcher has greeted, nothing will come. Later the grace period is for finishing:
# the program hears the same signal, and what it still hands over is pushed.
signals=0
trap 'signals=$((signals + 1))' TERM

share=/mnt/oras
[ "${1-}" != --share ] || share="$2"
. "$share/bin/lib.sh"
. "$share/bin/registry.sh"
. "$share/bin/artifact.sh"

output='' restart_policy=Never image='' inputs=0 deadline=600
while [ $# -gt 0 ]; do
  case "$1" in
  --share) ;;
  --output) output="$2" ;;
  --restart-policy) restart_policy="$2" ;;
  --image) image="$2" ;;
  --inputs) inputs="$2" ;;
  --timeout) timeout="$2" ;;
  --deadline) deadline="$2" ;;
  --credentials) credentials="$2" ;;
  --private) private="$2" ;;
  --message-path) message_path="$2" ;;
  --debug) debug="$2" ;;
  *) fail "$EXIT_PUSH_FAILED" "push.sh does not know the option $1" ;;
  esac
  shift 2
done
explain "output: $output, restart policy: $restart_policy, inputs: $inputs, timeout: $timeout s, credentials: ${credentials:-none}"
out="$step/out"
umask 022

# Nothing was pushed and nothing will be: the Pod has its verdict from the launcher.
end_unused() {
  say "$1; nothing was pushed"
  terminate_with "nothing pushed: $1"
  exit 0
}

# Descriptors: 4 answers the launcher (held, or the answer would be lost with the last holder of the pipe), 5 and 6
# hear it, 9 takes the data. Opening a pipe for reading and writing never blocks (fifo(7)). Read-only while such a
# descriptor is open does not block either, and once that is closed, end of file says that no launcher is left.
listen_for_end() {
  [ -n "${1-}" ] || exec 5<>"$step/control"
  exec 6<"$step/control" 5>&-
}

# Waits for a launcher that may not be there yet; sets $record. Ends the container when none comes: nothing would.
await_launcher() {
  exec 5<>"$step/control"
  if [ "$signals" -gt 0 ] || ! read -r -t "$deadline" record <&5; then
    [ "$signals" -eq 0 ] || end_unused "the Pod was deleted before its program started"
    fail "$EXIT_LAUNCHER_MISSING" "the launcher container did not start within $deadline s; nothing was pushed"
  fi
  listen_for_end open
}

# Reads the next record; false at end of file. A signal ends a read too, but not the launcher.
hear() {
  local before
  until
    before="$signals"
    read -r record <&6
  do
    [ "$signals" -ne "$before" ] || return 1
  done
}

# The launcher is gone and did not say how it ended: its container was killed. Or its output is not to be had.
attempt_is_over() {
  rm -f "$out/attempt" "$out/blob"
  [ "$restart_policy" != Never ] || end_unused "$1"
  say "$1; nothing was pushed; waiting for the launcher to be restarted"
}

# Takes the records of one attempt until it is over (returns 1) or its output is here (returns 0). $record may hold
# the first one.
follow_attempt() {
  while [ -n "$record" ] || hear; do
    # shellcheck disable=SC2086  # words of a record
    set -- $record
    record=
    case "${1-}" in
    hello)
      printf '%s\n' "$2" >"$out/attempt"
      printf 'ready %s %s\n' "$2" "$restart_policy" >&4
      ;;
    ran)
      if [ "${4-}" != push ]; then
        attempt_is_over "the program ended with exit code $3 and left nothing to push"
        return 1
      fi
      if ! take_output "$2" "$5" "$6"; then
        printf 'no %s\n' "$2" >&4
        attempt_is_over "the output could not be received"
        return 1
      fi
      ;;
    commit)
      if [ "${4-}" != ok ]; then
        attempt_is_over "the output could not be packed"
        return 1
      fi
      mv "$out/received" "$out/committed"
      return 0
      ;;
    esac
  done
  attempt_is_over "the launcher ended without a verdict: it was killed"
  return 1
}

# Receives the output through the data pipe into one blob.
take_output() {
  decode "$3"
  case "$decoded" in
  '' | .. | */*)
    say "error: the launcher sent the file name $decoded"
    return 1
    ;;
  esac
  exec 7<>"$step/data"
  exec 9<"$step/data" 7>&-
  printf 'go %s\n' "$1" >&4
  write_blob "$2" <&9 || return 1
  exec 9<&-
  printf '%s %s %s %s %s\n' "$2" "$blob_digest" "$blob_size" "$tar_digest" "$3" >"$out/received"
}

exec 4<>"$step/ready"
record=
until [ -e "$out/committed" ]; do
  # After a restart of this container alone, the launcher may be running still.
  if [ -e "$out/attempt" ]; then
    listen_for_end
    printf 'ready %s %s\n' "$(cat "$out/attempt")" "$restart_policy" >&4
  else
    await_launcher
  fi
  follow_attempt || true
done
# Its container need not wait for the push.
printf 'taken %s\n' "$(cat "$out/attempt")" >&4
push_artifact
# Under restartPolicy Always both containers begin again.
rm -f "$out/attempt" "$out/blob" "$out/committed"
