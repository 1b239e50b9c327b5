# shellcheck shell=dash
# The first part of launch.sh: before.sh ATTEMPT [options of launch.sh] -- PROGRAM…, on descriptor 3 of launch.sh.
# Everything is done as the program's own user. Prints what the pusher sent: the restart policy and its life.
set -u
attempt="$1" share="$3"
shift
. "$share/bin/lib.sh"
. "$share/bin/options.sh"
. "$share/bin/links.sh"
. "$share/bin/layout.sh"
. "$share/bin/pack.sh"

# The failure is written for the container that pushes, which may start later: it would wait for a wrapped container
# until its deadline.
leave() {
  local code=$?
  [ "$code" -ne 0 ] && [ -n "$output" ] && [ "$awaited" = false ] || return
  printf 'failed %s %s\n' "$attempt" "$code" >&3
  await ready
}

# A program that is not there is named where the author looks, as the runtime names one that it cannot start. The exit code
# is a shell's.
check_program() {
  while [ "$1" != -- ]; do shift 2; done
  case "$2" in
  */*) [ -e "$2" ] || fail 127 "there is no program $2 in the container" ;;
  *)
    [ -z "${PATH-}" ] || is_in_path "$2" || fail 127 "there is no program $2 in the container's PATH, $PATH"
    ;;
  esac
}

is_in_path() (
  IFS=:
  set -f
  for place in $PATH; do
    [ ! -e "${place:-.}/$1" ] || exit 0
  done
  exit 1
)

policy='' life='' awaited=false
read_options "$@"
trap leave EXIT
# The greeting goes first: the container that pushes waits for it while the inputs are unpacked.
if [ -n "$output" ]; then
  exec 4<>"$own/ready"
  printf 'hello %s\n' "$attempt" >&3
fi
lay_out_inputs
check_paths
check_program "$@"
# So that no program runs whose output would be lost.
awaited=true
[ -z "$output" ] || await ready ||
  fail "$EXIT_PUSHER_MISSING" "the container that pushes the output did not start within $deadline s; the program was not run"
printf '%s %s\n' "$policy" "$life"
