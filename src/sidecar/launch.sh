# shellcheck shell=dash
# Runs as the wrapped container's command: unpacks the inputs, runs the program, hands its output over.
# launch.sh --share DIR [--number N] [--inputs N] [--input-path P] [--unpack false] [--output true|verdict]
#           [--output-path P] [--output-pipe P] [--push-on failure|always] [--variable NAME]… [--message-path P]
#           [--deadline S] [--debug true] -- PROGRAM [ARGUMENT…]
# The program gets this shell's environment, descriptors and signal dispositions. So the work is done by before.sh and
# after.sh, in other shells, and here no variable is set that the program may have: names begin with _oras_.
set -u
_oras_share="$2" _oras_own="$2/0" _oras_variables='' _oras_output='' _oras_pipe='' _oras_attempt=none _oras_policy='' _oras_code=0 _oras_copied=0
_oras_signal=''

# A signal before or after the program must not end this shell. With a handler, not ignored, the program starts with
# the default disposition (POSIX, "trap": caught signals are reset, ignored ones stay so). An image may choose any
# signal to be stopped with, real-time ones too.
_oras_signals="1 2 3 10 12 14 15 26 27 29 30 $(seq -s ' ' 34 64)"
for _oras_word in $_oras_signals; do
  # shellcheck disable=SC2064  # its number, now
  trap "_oras_signal=$_oras_word" "$_oras_word"
done

_oras_read_options() {
  while [ "$1" != -- ]; do
    case "$1" in
    --number) _oras_own="$_oras_share/$2" ;;
    --variable) _oras_variables="$_oras_variables -u $2" ;;
    --output) _oras_output="$2" ;;
    --output-pipe) _oras_pipe="$2" ;;
    esac
    shift 2
  done
}

# Descriptor 3 is the control pipe, held for the wrapped container's whole life: its end of file says that this attempt was
# killed. Opening a pipe for reading and writing never blocks (fifo(7)); that is how nothing here can hang.
_oras_take_control() {
  read -r _oras_attempt </proc/sys/kernel/random/uuid
  exec 3<>"$_oras_own/control"
}

# The program in the foreground, with its standard input and terminal. tini looks it up in the PATH and executes it:
# busybox would run its own applet of that name. What this shell adds to the environment, changes in it or cannot
# hold, as a name with a dot, is put right from what the kernel knows of it.
_oras_run() {
  while [ "$1" != -- ]; do shift 2; done
  shift
  set -- "$_oras_share/bin/tini" -s -- "$@"
  _oras_word=PATH
  while IFS= read -r -d '' _oras_entry; do
    case "${_oras_entry%%=*}" in
    PATH) _oras_word=SHLVL ;;
    IFS | OPTIND | PPID | PWD | OLDPWD | SHLVL | [0-9]* | *[!A-Za-z0-9_]*) set -- "$_oras_entry" "$@" ;;
    esac
  done </proc/$$/environ
  # What variables in paths were expanded from belongs to the operator, not to the program.
  # shellcheck disable=SC2086  # words
  "$_oras_share/bin/busybox" env $_oras_variables -u SHLVL -u PWD -u OLDPWD -u "$_oras_word" "$@" 3>&- 5>&- 6>&-
}

# The same with its standard output copied to a file. The copy outlives signals, and ends at most a second after the
# program: a child that the program left behind may hold the other end forever.
_oras_run_with_pipe() {
  # First for both, then for each alone: so no open waits for the other side.
  exec 6<>"$_oras_own/stdout"
  exec 5<"$_oras_own/stdout"
  exec 6>"$_oras_own/stdout"
  case "$_oras_pipe" in -*) _oras_pipe="./$_oras_pipe" ;; esac
  (
    # shellcheck disable=SC2086  # numbers
    trap '' $_oras_signals
    exec tee "$_oras_pipe" <&5
  ) 3>&- 6>&- &
  _oras_copy=$!
  exec 5<&-
  _oras_run "$@" >&6
  _oras_code=$?
  exec 6>&-
  (
    # shellcheck disable=SC2086
    trap '' $_oras_signals
    sleep 1
    kill -9 "$_oras_copy" 2>/dev/null
  ) >/dev/null 2>&1 3>&- &
  _oras_watch=$!
  # Without the word of the shell that it was killed.
  wait "$_oras_copy" 2>/dev/null
  _oras_copied=$?
  kill -9 "$_oras_watch" 2>/dev/null
}

_oras_read_options "$@"
[ -z "$_oras_output" ] || _oras_take_control
_oras_policy="$("$_oras_share/bin/busybox" sh "$_oras_share/bin/before.sh" "$_oras_attempt" "$@")" || exit
# Stopped before it began. Not looking at this would lose the signal, and the Pod would linger for its grace period.
[ -z "$_oras_signal" ] || exit $((128 + _oras_signal))

if [ -n "$_oras_pipe" ]; then
  _oras_run_with_pipe "$@"
else
  _oras_run "$@"
  _oras_code=$?
fi
[ -n "$_oras_output" ] || [ "$_oras_copied" -eq 1 ] || exit "$_oras_code"

# The grace period is for finishing this.
# shellcheck disable=SC2086
trap '' $_oras_signals
"$_oras_share/bin/busybox" sh "$_oras_share/bin/after.sh" \
  "$_oras_attempt" "$_oras_policy" "$_oras_code" "$_oras_copied" "$@" || exit
exit "$_oras_code"
