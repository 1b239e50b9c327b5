# shellcheck shell=dash
# The options of launch.sh, for before.sh and after.sh. Expects lib.sh.

inputs=0 input_path='' unpack="$DEFAULT_UNPACK" output='' output_path='' output_pipe='' push_on="$DEFAULT_PUSH_ON"
deadline="$DEADLINE_SECONDS"
# The folder of this wrapped container's pipes.
own="$share/0"

# Reads what stands before --. The rest is the program and its arguments.
read_options() {
  while [ "$1" != -- ]; do
    case "$1" in
    --share | --variable) ;;
    --number) own="$share/$2" ;;
    --inputs) inputs="$2" ;;
    --input-path) input_path="$2" ;;
    --unpack) unpack="$2" ;;
    --output) output="$2" ;;
    --output-path) output_path="$2" ;;
    --output-pipe) output_pipe="$2" ;;
    --push-on) push_on="$2" ;;
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
  explain "inputs: $inputs into $input_path, unpack: $unpack; output: ${output:-none} from $output_path, pipe: ${output_pipe:-none}, pushed on: $push_on"
}

# Waits for a word of the container that pushes, meant for this attempt: an older one's may still be in the pipe. Each
# time that container starts, a life, it says ready: sets $policy and $life then, and returns 2 where another word was
# waited for. Nobody will say that word.
await() {
  local word whose told_policy told_life
  while read -r -t "$deadline" word whose told_policy told_life <&4; do
    case "$word $whose" in
    "ready $attempt")
      [ "$told_life" != "$life" ] || continue
      policy="$told_policy" life="$told_life"
      [ "$1" = ready ] || return 2
      return 0
      ;;
    "$1 $attempt") return 0 ;;
    "no $attempt") return 1 ;;
    esac
  done
  return 1
}
