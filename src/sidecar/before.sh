# shellcheck shell=dash
# The launcher's first part: before.sh ATTEMPT [options of launch.sh] -- PROGRAM…, on descriptor 3 of launch.sh.
# Everything is done as the program's own user. Prints the restart policy that the pusher told.
set -u
attempt="$1" share="$3"
shift
. "$share/bin/lib.sh"
. "$share/bin/options.sh"
. "$share/bin/links.sh"
. "$share/bin/layout.sh"
. "$share/bin/pack.sh"

policy=
read_options "$@"
# The greeting goes first: the container that pushes waits for it while the inputs are laid out.
if [ -n "$output" ]; then
  exec 4<>"$own/ready"
  printf 'hello %s\n' "$attempt" >&3
fi
lay_out_inputs
check_paths
# So that no program runs whose output nobody would take.
[ -z "$output" ] || await ready ||
  fail "$EXIT_PUSHER_MISSING" "the container that pushes the output did not start within $deadline s; the program was not run"
printf '%s\n' "$policy"
