# shellcheck shell=dash
# The container `oras`: waits for the wrapped containers' verdicts and pushes what they hand over, as one artifact.
# push.sh --share DIR --output REF {--restart-policy POLICY [--image IMAGE]}… [--inputs N] [--push-on failure|always]
#         [--compression gzip|zstd|none] [--timeout S] [--deadline S]
#         [--credentials DIR --credentials-host HOST --private DIR] [--message-path P] [--debug true]
# One restart policy and image for each wrapped container, in their order.
set -u
share="$2"
step="$share/0"

# When the Pod is deleted before a wrapped container has greeted, nothing will come, and what waits for it ends. Later the
# grace period is for finishing: the program hears the same signal, and what it still hands over is pushed.
# shellcheck disable=SC2317  # called by trap
hear_of_deletion() {
  local pipe
  : >"$step/out/deleted"
  for pipe in "$share"/*/control; do
    # For reading too: opening it never blocks then (fifo(7)).
    echo deleted 1<>"$pipe"
  done
}

rm -f "$step/out/deleted"
trap hear_of_deletion TERM

. "$share/bin/lib.sh"
. "$share/bin/registry.sh"
. "$share/bin/artifact.sh"
. "$share/bin/follow.sh"

output='' policies='' images='' inputs=0 push_on="$DEFAULT_PUSH_ON"
compression="$DEFAULT_COMPRESSION" deadline="$DEADLINE_SECONDS"
while [ $# -gt 0 ]; do
  case "$1" in
  --share) ;;
  --output) output="$2" ;;
  --restart-policy) policies="$policies $2" ;;
  --image) images="$images$2
" ;;
  --inputs) inputs="$2" ;;
  --push-on) push_on="$2" ;;
  --compression) compression="$2" ;;
  --timeout) timeout="$2" ;;
  --deadline) deadline="$2" ;;
  --credentials) credentials="$2" ;;
  --credentials-host) credentials_host="$2" ;;
  --private) private="$2" ;;
  --message-path) message_path="$2" ;;
  --debug) debug="$2" ;;
  *) fail "$EXIT_PUSH_FAILED" "push.sh does not know the option $1" ;;
  esac
  shift 2
done
explain "output: $output on $push_on, restart policies:$policies, inputs: $inputs, compression: $compression, timeout: $timeout s, credentials: ${credentials:-none}"
umask 022

# Nothing was pushed and nothing will be: the Pod has its verdict from the launcher.
end_unused() {
  say "$1; nothing was pushed"
  terminate_with "nothing pushed: $1"
  exit 0
}

# Follows every wrapped container to its end, in a process each. A shell that reads may sleep through a signal that came just
# before; one that waits for its children does not.
follow_all() {
  local number=0 policy follower followers=
  # shellcheck disable=SC2086  # words
  for policy in $policies; do
    follow "$number" "$policy" &
    followers="$followers $!"
    number=$((number + 1))
  done
  for follower in $followers; do
    wait_for "$follower" || exit
  done
}

# Whether the step as a whole ended with what is asked for, and left something. Sets $failed and $parts, numbers.
find_verdict() {
  local number=0 what code codes=
  failed='' parts=''
  # shellcheck disable=SC2086  # words
  for _ in $policies; do
    read -r what code <"$share/$number/out/result"
    case "$what" in
    lost) end_unused "$code" ;;
    part) parts="$parts $number" ;;
    esac
    [ "$code" -eq 0 ] || failed="$failed $number" codes="$codes${codes:+ and }$code"
    number=$((number + 1))
  done
  case "$push_on:$failed" in
  success:?*) end_unused "the program ended with exit code $codes" ;;
  failure:) end_unused "the program ended with success, and the output is to be pushed on failure" ;;
  esac
  [ -n "$parts" ] || end_unused "no program left an output"
}

# Forgets the attempts that failed, where the kubelet makes others. False when there is none.
await_others() {
  local number=0 policy others=1
  # shellcheck disable=SC2086  # words
  for policy in $policies; do
    case "$policy $failed " in
    Never* | Always*) ;;
    *" $number "*)
      forget_attempt "$share/$number/out"
      others=0
      ;;
    esac
    number=$((number + 1))
  done
  return "$others"
}

while
  follow_all
  find_verdict
  push_artifact
  await_others
do :; done
# Under restartPolicy Always both containers begin again. Elsewhere a container that is restarted all the same, because it
# was killed here, pushes again what is there already.
number=0
# shellcheck disable=SC2086  # words
for policy in $policies; do
  [ "$policy" != Always ] || forget_attempt "$share/$number/out"
  number=$((number + 1))
done
