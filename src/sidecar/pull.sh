# shellcheck shell=dash
# Init container, second part: downloads and verifies the inputs as blobs, and proves that the output may be pushed,
# so that no step computes for hours to be refused at the end.
# pull.sh --share DIR [--input REF]… [--output REF] [--timeout S] [--credentials DIR --private DIR]
#         [--credentials-host HOST] [--message-path P] [--debug true]
set -u
share="$2"
# As the first process of a container a shell ignores SIGTERM, and a deleted Pod would linger for its grace period.
[ $$ -ne 1 ] || exec "$share/bin/tini" -g -- "$share/bin/busybox" sh "$0" "$@"
. "$share/bin/lib.sh"
. "$share/bin/registry.sh"

count=0
output=''

# The layers that have a file name, one a line: digest, how to lay it out, size, title in base64. How follows the
# annotation alone, as in oras: what it unpacks is always tar and gzip, whatever media type its user chose.
# shellcheck disable=SC2016  # jq's variables
layers='.layers[]? | .annotations["org.opencontainers.image.title"] as $title | select($title != null)
  | [.digest, (if .annotations["io.deis.oras.content.unpack"] == "true" then "tar+gzip"
               elif .annotations[$unpack] == "true" then "tar+zstd" else "file" end),
     (.size | tostring), ($title | @base64)] | join(" ")'

# Every failure of a registry in words: $1 what was tried, $2 the reference.
explain_failure() {
  case "$status" in
  401 | 403) fail "$EXIT_DENIED" "$1 $2: the registry refused it with status $status; check the Secret that $ORAS_ENV_ANNOTATION names" ;;
  404) fail "$EXIT_INPUT_NOT_FOUND" "$1 $2: it is not in the registry (status 404); check the name and whether the step that makes it has ended" ;;
  timeout) fail "$EXIT_REGISTRY_UNAVAILABLE" "$1 $2: the registry did not answer within $timeout s; last: ${reason:-no answer}" ;;
  local) fail "$EXIT_SETUP_FAILED" "$1 $2: $reason" ;;
  esac
  fail "$EXIT_INPUT_INVALID" "$1 $2: ${reason:-failed} (status ${status:-none})"
}

resolve_input() {
  # shellcheck disable=SC2086  # $plain is one word or none
  call_oras "$timeout" manifest fetch --descriptor --output "$place/manifest" \
    $plain ${config:+--registry-config "$config"} ${authority:+--ca-file "$authority"} "$ref"
}

copy_input() {
  # shellcheck disable=SC2086
  call_oras "$(seconds_for "$sum")" cp ${plain:+--from-plain-http} ${config:+--from-registry-config "$config"} ${authority:+--from-ca-file "$authority"} \
    --to-oci-layout "$(repository_of "$ref")@$digest" "$place/layout:input"
}

# Refuses what cannot be unpacked before it is downloaded. Sets $sum, the bytes to download.
check_manifest() {
  local how size title
  tool jq -r --arg unpack "$ARTIFACT_UNPACK_ANNOTATION" "$layers" "$place/manifest" >"$place/layers" 2>/dev/null ||
    fail "$EXIT_INPUT_INVALID" "input $ref: its manifest $digest is not that of an artifact"
  [ -s "$place/layers" ] ||
    fail "$EXIT_INPUT_INVALID" "input $ref: none of its layers has a file name; it may be a container image or an index, not an artifact"
  sum=0
  while read -r _ how size title; do
    decode "$title"
    if [ "$how $decoded" = "file ." ] || ! title_is_safe "$decoded"; then
      fail "$EXIT_INPUT_INVALID" "input $ref: the file name \"$decoded\" leaves the place it is unpacked in"
    fi
    sum=$((sum + size))
  done <"$place/layers"
}

pull_input() {
  local started digest sum place="$step/inputs/$count"
  set_reference "$1"
  set_credentials ORAS_PULL_PASS "${ref%%/*}"
  mkdir -p "$place"
  started="$(now)"
  retry "input $ref" resolve_input || explain_failure "pull of" "$ref"
  digest="$(printf '%s' "$answer" | tool jq -r .digest)"
  check_manifest
  say "input $((count + 1)): $ref, $digest, $sum bytes"
  # The tag is not asked again: what was resolved is what is copied. A blob that came is not fetched twice.
  retry "input $ref" copy_input || explain_failure "pull of" "$ref"
  printf '%s\n' "$digest" >"$place/digest"
  # For `unpack: "false"`: the name of an archive whose title is only "."
  basename "$(repository_of "$ref")" >"$place/name"
  say "input $((count + 1)): here after $(($(now) - started)) s"
  count=$((count + 1))
}

# An upload that is begun and never completed: the 202 to its POST proves the permission, nothing is stored.
probe_push() {
  local random
  random="$(head -c 32 /dev/urandom | sha256sum | cut -d' ' -f1)"
  # shellcheck disable=SC2086
  call_oras "$timeout" blob push $plain ${config:+--registry-config "$config"} ${authority:+--ca-file "$authority"} --size 1 \
    "$(repository_of "$ref")@sha256:$random" - </dev/null
  [ "$accepted" = true ]
}

check_output() {
  set_reference "$1"
  set_credentials ORAS_PUSH_PASS "${ref%%/*}"
  retry "output $ref" probe_push || explain_failure "push to" "$ref"
  explain "the registry accepts uploads for $ref"
}

read_options() {
  local inputs=0
  while [ $# -gt 0 ]; do
    case "$1" in
    --share) ;;
    --input) inputs=$((inputs + 1)) ;;
    --output) output="$2" ;;
    --timeout) timeout="$2" ;;
    --credentials) credentials="$2" ;;
    --credentials-host) credentials_host="$2" ;;
    --private) private="$2" ;;
    --message-path) message_path="$2" ;;
    --debug) debug="$2" ;;
    *) fail "$EXIT_SETUP_FAILED" "pull.sh does not know the option $1" ;;
    esac
    shift 2
  done
  explain "inputs: $inputs, output: ${output:-none}, timeout: $timeout s, credentials: ${credentials:-none}"
}

umask 022
read_options "$@"
while [ $# -gt 0 ]; do
  [ "$1" != --input ] || pull_input "$2"
  shift 2
done
[ -z "$output" ] || check_output "$output"
