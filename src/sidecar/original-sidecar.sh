# shellcheck shell=dash
# Takes the place of the original's sidecar script, for a step that has its own application script:
# original-sidecar.sh PUSH_TO UNPACK PULL…, with NA for what is unset. The environment says what these arguments cannot:
# $ORAS_OPERATOR_PLAIN_HTTP_HOST, the one registry that speaks plain HTTP, _CREDENTIALS_HOST, _TIMEOUT, _COMPRESSION,
# _DEBUG.
set -u
share="${0%/bin/*}"
[ $$ -ne 1 ] || exec "$share/bin/tini" -g -- "$share/bin/busybox" sh "$0" "$@"
. "$share/bin/lib.sh"
. "$share/bin/registry.sh"
. "$share/bin/artifact.sh"
. "$share/bin/links.sh"
. "$share/bin/layout.sh"
. "$share/bin/pack.sh"

credentials_host="${ORAS_OPERATOR_CREDENTIALS_HOST-}" debug="${ORAS_OPERATOR_DEBUG-false}"
timeout="${ORAS_OPERATOR_TIMEOUT:-$timeout}" compression="${ORAS_OPERATOR_COMPRESSION-$DEFAULT_COMPRESSION}"

# The reference with its scheme.
with_scheme() {
  case "${1%%/*}" in
  "${ORAS_OPERATOR_PLAIN_HTTP_HOST-}") printf 'http://%s' "$1" ;;
  *) printf 'https://%s' "$1" ;;
  esac
}

push_to="$1" unpack="$2" inputs=0 input_path="$share/inputs" out="$step/out" images='' parts=0
shift 2
[ ! -d "$CREDENTIALS_PATH" ] || { credentials="$CREDENTIALS_PATH" private="$PRIVATE_PATH"; }
for pull in "$@"; do
  # Each goes from the front of the list to its end, as an option.
  shift
  [ "$pull" != NA ] || continue
  set -- "$@" --input "$(with_scheme "$pull")"
  inputs=$((inputs + 1))
done
if [ "$inputs" -gt 0 ]; then
  "$share/bin/busybox" sh "$share/bin/pull.sh" --share "$share" "$@" --timeout "$timeout" --debug "$debug" \
    ${credentials:+--credentials "$credentials" --credentials-host "$credentials_host" --private "$private"} || exit
  lay_out_inputs
  chmod -R a+rX "$share/inputs"
fi
: >"$share/oras-operator-init.txt"

# The end of the application script is the end of file on the control pipe.
exec 5<>"$step/control"
[ -e "$share/oras-operator-started.txt" ] || read -r -t "$DEADLINE_SECONDS" _ <&5 ||
  fail "$EXIT_CONTAINER_MISSING" "the wrapped container did not start within $DEADLINE_SECONDS s; nothing was pushed"
exec 6<"$step/control" 5>&-
while read -r _ <&6; do :; done

[ "$push_to" != NA ] || exit 0
[ -e "$share/oras-operator-done.txt" ] || {
  say "the application script ended without saying that it is done; nothing was pushed"
  exit 0
}
output="$(with_scheme "$push_to")"
# What lies in the folder that the two share is the output.
output_path="$share/outputs/." output_pipe=''
describe_output || fail "$EXIT_PUSH_FAILED" "the output cannot be packed: $problem"
pack 6>"$step/data" &
packing=$!
{ write_blob "$kind" <"$step/data" && wait "$packing"; } || fail "$EXIT_PUSH_FAILED" "the output cannot be packed"
printf '%s %s\n' "$kind" "$(encode "$title")" >"$out/received"
push_artifact
