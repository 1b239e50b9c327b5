# shellcheck shell=dash
# The original's sidecar script, ours, for a step that brings an application script of its own:
# original-sidecar.sh PUSH_TO UNPACK PULL…, with NA for what is unset. $ORAS_OPERATOR_PLAIN_HTTP says how the registry
# is spoken to, which these arguments cannot.
set -u
share="${0%/bin/*}"
[ $$ -ne 1 ] || exec "$share/bin/tini" -g -- "$share/bin/busybox" sh "$0" "$@"
. "$share/bin/lib.sh"
. "$share/bin/registry.sh"
. "$share/bin/artifact.sh"
. "$share/bin/links.sh"
. "$share/bin/layout.sh"
. "$share/bin/pack.sh"

scheme=https
[ "${ORAS_OPERATOR_PLAIN_HTTP-}" != true ] || scheme=http
push_to="$1" unpack="$2" inputs=0 input_path="$share/inputs" out="$step/out" images='' compression=auto parts=0
shift 2
[ ! -d "$CREDENTIALS_PATH" ] || { credentials="$CREDENTIALS_PATH" private="$PRIVATE_PATH"; }
for pull in "$@"; do
  # Each goes from the front of the list to its end, as an option.
  shift
  [ "$pull" != NA ] || continue
  set -- "$@" --input "$scheme://$pull"
  inputs=$((inputs + 1))
done
if [ "$inputs" -gt 0 ]; then
  "$share/bin/busybox" sh "$share/bin/pull.sh" --share "$share" "$@" \
    ${credentials:+--credentials "$credentials" --private "$private"} || exit
  lay_out_inputs
  chmod -R a+rX "$share/inputs"
fi
: >"$share/oras-operator-init.txt"

# The end of the application script is the end of file on the control pipe.
exec 5<>"$step/control"
read -r -t 600 _ <&5 || fail "$EXIT_LAUNCHER_MISSING" "the launcher container did not start within 600 s; nothing was pushed"
exec 6<"$step/control" 5>&-
while read -r _ <&6; do :; done

[ "$push_to" != NA ] || exit 0
[ -e "$share/oras-operator-done.txt" ] || {
  say "the application script ended without saying that it is done; nothing was pushed"
  exit 0
}
output="$scheme://$push_to"
# What lies in the folder that the two share is the output.
output_path="$share/outputs/." output_pipe=''
describe_output || fail "$EXIT_PUSH_FAILED" "the output cannot be packed: $problem"
{ pack && printf '%s\n' "$archive_size" >"$out/archive-size"; } 6>"$step/data" &
packing=$!
{ write_blob "$kind" <"$step/data" && wait "$packing"; } || fail "$EXIT_PUSH_FAILED" "the output cannot be packed"
printf '%s %s\n' "$kind" "$(encode "$title")" >"$out/received"
push_artifact
