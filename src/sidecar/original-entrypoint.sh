# shellcheck shell=dash
# Takes the place of the original's application script, for a step that has its own sidecar script:
# original-entrypoint.sh PIPE INPUT_PATH OUTPUT_PATH PROGRAM [ARGUMENT…], with NA for what is unset.
# The two meet in DIR/inputs, DIR/outputs and two files: the sidecar has pulled, the program has ended.
set -u
share="${0%/bin/*}"
. "$share/bin/lib.sh"
. "$share/bin/links.sh"
. "$share/bin/pack.sh"
trap : HUP INT TERM

output_pipe="$1" input_path="$2" output_path="$3" output=true
shift 3
[ "$input_path" != NA ] || input_path="$PWD"
[ "$output_pipe" != NA ] || output_pipe=''
[ "$output_path" != NA ] || output_path="${output_pipe:-$PWD}"

# The protocol is made of files: there is nothing to block on.
until [ -e "$share/oras-operator-init.txt" ]; do sleep 0.2; done
{ mkdir -p -- "$input_path" && cp -R "$share/inputs/." "$input_path/"; } ||
  fail "$EXIT_UNPACK_FAILED" "the inputs cannot be copied to $input_path by user $(id -u)"

"$share/bin/busybox" sh "$share/bin/launch.sh" --share "$share" ${output_pipe:+--output-pipe "$output_pipe"} -- "$@"
code=$?
# What a failed program leaves is no output.
if [ "$code" -eq 0 ]; then
  { describe_output && cp -R -- "$output_path" "$share/outputs/"; } ||
    code="$EXIT_OUTPUT_FAILED"
fi
: >"$share/oras-operator-done.txt"
exit "$code"
