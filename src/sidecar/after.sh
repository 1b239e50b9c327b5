# shellcheck shell=dash
# The last part of launch.sh: after.sh ATTEMPT "POLICY LIFE" CODE COPIED [options of launch.sh] -- PROGRAM…, on descriptor
# 3 of launch.sh. Tells the verdict and streams the output. Its own failure counts only after a success.
set -u
attempt="$1" policy="${2%% *}" life="${2#* }" code="$3" copied="$4" share="$6"
shift 4
. "$share/bin/lib.sh"
. "$share/bin/options.sh"
. "$share/bin/links.sh"
. "$share/bin/pack.sh"

# Whether this wrapped container makes an output that the end of its program asks for.
is_wanted() {
  [ "$output" = true ] || return 1
  case "$push_on $code" in
  always* | "success 0") return 0 ;;
  "failure 0" | success*) return 1 ;;
  esac
}

# Returns 1 when the output could not be handed over, the reason in $problem.
hand_over() {
  local what=offer answer
  # Open before anything is asked: a record dies with the last holder of the pipe, which may be gone at once.
  exec 4<>"$own/ready"
  if ! is_wanted; then
    # A success must have been read; a failure has its end of file.
    what=say_none
    [ "$code" -eq 0 ] || what=say_failed
  elif ! copy_is_whole || ! describe_output; then
    printf 'ran %s %s skip\n' "$attempt" "$code" >&3
    return 1
  fi
  # A pusher that has died and is not restarted answers with end of file, if this side does not hold the pipe open.
  [ "$policy" != Never ] || exec 4<"$own/ready"
  # Whoever was killed meanwhile begins again.
  while
    "$what"
    answer=$?
    [ "$answer" -eq 2 ]
  do :; done
  return "$answer"
}

say_failed() {
  printf 'ran %s %s none\n' "$attempt" "$code" >&3
  return 1
}

say_none() {
  printf 'ran %s %s none\n' "$attempt" "$code" >&3
  problem="the container that pushes did not confirm that the program has ended"
  await taken
}

# Offers the output to one life of the container that pushes. Returns 2 when another one has begun since: what the first
# has taken died with it, and words that were meant for it are not for the next.
offer() {
  local sent=ok
  # 7 keeps the data pipe open until it is 6's.
  exec 7<>"$own/data"
  printf 'ran %s %s push %s %s %s\n' "$attempt" "$code" "$kind" "$(encode "$title")" "$life" >&3
  problem="the container that pushes does not answer"
  await go || return
  # For writing alone now: should the other side die, the stream ends with EPIPE instead of waiting forever.
  exec 6>"$own/data" 7>&-
  problem="it could not be read to its end, or the container that pushes died"
  pack || sent=failed
  if [ "$sent" = failed ] && ! (printf x >&6) 2>/dev/null; then
    # Nobody reads any more. With the pipe's last holder goes what is in it.
    exec 6>&-
    await ready && return 2
    return 1
  fi
  exec 6>&-
  printf 'commit %s %s %s %s\n' "$attempt" "$code" "$sent" "$life" >&3
  [ "$sent" = ok ] || return 1
  # The verdict lives in a pipe that ends with this process: it must have been read.
  problem="the container that pushes did not confirm that it has it"
  await taken
}

# tee ends with 1 when it could not write; ended by launch.sh, for a child that kept standard output, it has copied
# what there was.
copy_is_whole() {
  [ "$copied" -eq 1 ] || return 0
  problem="the program's standard output could not be written to $output_pipe; is there room?"
  say "error: $problem"
  return 1
}

read_options "$@" 2>/dev/null
if [ -z "$output" ]; then
  copy_is_whole
else
  hand_over
fi && exit 0
[ "$code" -eq 0 ] || exit 0
fail "$EXIT_OUTPUT_FAILED" "the program ended with success, but its output could not be handed over: ${problem:-see the log}"
