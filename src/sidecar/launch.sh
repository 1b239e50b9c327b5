# shellcheck shell=dash
# Runs as the launcher container's command: lays the inputs out, runs the program, hands its output over.
# launch.sh --share DIR [--inputs N] [--input-path P] [--unpack false] [--output true] [--output-path P]
#           [--output-pipe P] [--message-path P] [--deadline S] [--debug true] -- PROGRAM [ARGUMENT…]
# Everything that it does before and after the program is done as the program's own user.
set -u
share=/mnt/oras
[ "${1-}" != --share ] || share="$2"
. "$share/bin/lib.sh"
. "$share/bin/layout.sh"
. "$share/bin/pack.sh"

inputs=0 input_path='' unpack=true output='' output_path='' output_pipe='' deadline=600
while [ "$1" != -- ]; do
  case "$1" in
  --share) ;;
  --inputs) inputs="$2" ;;
  --input-path) input_path="$2" ;;
  --unpack) unpack="$2" ;;
  --output) output="$2" ;;
  --output-path) output_path="$2" ;;
  --output-pipe) output_pipe="$2" ;;
  --message-path) message_path="$2" ;;
  --deadline) deadline="$2" ;;
  --debug) debug="$2" ;;
  *) fail "$EXIT_CHECK_FAILED" "launch.sh does not know the option $1" ;;
  esac
  shift 2
done
shift
input_path="${input_path:-$PWD}"
output_path="${output_path:-${output_pipe:-$PWD}}"
explain "program: $# words, working directory: $PWD, user: $(id -u)"
explain "inputs: $inputs into $input_path, unpack: $unpack; output: ${output:-none} from $output_path, pipe: ${output_pipe:-none}"

# Says hello to the container that pushes. Descriptor 3 is the control pipe, held for the launcher's whole life: its
# end of file says that this attempt was killed. 4 hears the answers, 7 keeps the data pipe open. Opening a pipe for
# reading and writing never blocks (fifo(7)), so nothing here can hang.
greet() {
  attempt="$(cat /proc/sys/kernel/random/uuid)"
  exec 3<>"$step/control" 4<>"$step/ready" 7<>"$step/data"
  printf 'hello %s\n' "$attempt" >&3
}

# Waits for a word of the container that pushes, meant for this attempt: an older one's may still be in the pipe.
await() {
  local word whose
  until [ "${word-} ${whose-}" = "$1 $attempt" ]; do
    read -r -t "$deadline" word whose <&4 || return 1
  done
}

# So that no program runs whose output nobody would take.
await_pusher() {
  await ready ||
    fail "$EXIT_PUSHER_MISSING" "the container that pushes the output did not start within $deadline s; the program was not run"
}

# Runs the program in the foreground, with its standard input, its terminal and default signal dispositions. tini
# looks it up and executes it: busybox would run its own applet of that name. Signals come through the outer tini.
run() {
  "$share/bin/tini" -s -- "$@" 3>&- 4>&- 6>&- 7>&-
}

# The same with its standard output copied to a file. The copy outlives signals, and ends at most a second after the
# program: a child that the program left behind may hold the other end for ever.
run_with_pipe() {
  local copy code
  (
    trap '' HUP INT QUIT TERM USR1 USR2
    exec tee -- "$output_pipe" <"$step/stdout"
  ) 3>&- 4>&- 7>&- &
  copy=$!
  exec 6>"$step/stdout"
  run "$@" >&6
  code=$?
  exec 6>&-
  (
    trap '' HUP INT QUIT TERM USR1 USR2
    sleep 1
    kill -9 "$copy" 2>/dev/null
  ) >/dev/null 2>&1 3>&- 4>&- 7>&- &
  local watch=$!
  wait "$copy"
  kill -9 "$watch" 2>/dev/null
  return $code
}

# Tells the verdict and streams the output. Returns 1 when it could not be handed over.
hand_over() {
  local code="$1" sent=ok
  if [ "$code" -ne 0 ] || ! describe_output; then
    printf 'ran %s %s skip - -\n' "$attempt" "$code" >&3
    [ "$code" -ne 0 ]
    return
  fi
  printf 'ran %s %s push %s %s\n' "$attempt" "$code" "$kind" "$(encode "$title")" >&3
  problem="the container that pushes does not answer"
  await go || return 1
  # For writing alone now: should the other side die, the stream ends with EPIPE instead of waiting for ever.
  exec 6>"$step/data" 7>&-
  problem="it could not be read to its end, or the container that pushes died"
  pack >&6 || sent=failed
  exec 6>&-
  printf 'commit %s %s %s\n' "$attempt" "$code" "$sent" >&3
  [ "$sent" = ok ] || return 1
  # The verdict lives in a pipe that ends with this process: it must have been heard.
  problem="the container that pushes did not confirm that it has it"
  await taken
}

# A signal that arrives before or after the program must not end the launcher; with a handler, not ignored, the
# program starts with the default disposition (POSIX, "trap": caught signals are reset, ignored ones stay so).
trap : HUP INT QUIT TERM USR1 USR2

[ -z "$output" ] || greet
lay_out_inputs
check_paths
[ -z "$output" ] || await_pusher

if [ -n "$output_pipe" ]; then run_with_pipe "$@"; else run "$@"; fi
code=$?

if [ -n "$output" ]; then
  # The grace period is for finishing this.
  trap '' HUP INT QUIT TERM USR1 USR2
  if ! hand_over "$code" && [ "$code" -eq 0 ]; then
    fail "$EXIT_OUTPUT_FAILED" "the program ended with success, but its output could not be handed over: ${problem:-see the log}"
  fi
fi
exit "$code"
