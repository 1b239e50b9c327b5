# shellcheck shell=dash
# Init container, second part: downloads and verifies the inputs as blobs, and proves that the output may be pushed,
# so that nobody computes for hours to be refused at the end.
# pull.sh --share DIR [--input REF]… [--output REF] [--timeout S] [--credentials DIR --private DIR] [--message-path P] [--debug true]
set -u
share=/mnt/oras
[ "${1-}" != --share ] || share="$2"
. "$share/bin/lib.sh"
. "$share/bin/registry.sh"

count=0
output=
deadline=

# The layers that have a file name, one a line: digest, how to lay it out, size, title in base64.
# shellcheck disable=SC2016  # jq's variables
layers='.layers[]? | .annotations["org.opencontainers.image.title"] as $title | select($title != null)
  | [.digest, (if .annotations["io.deis.oras.content.unpack"] == "true" then
       (if (.mediaType | endswith("zstd")) then "tar+zstd" elif (.mediaType | endswith("gzip")) then "tar+gzip"
        else "tar+gzip" end) else "file" end),
     (.size | tostring), ($title | @base64)] | join(" ")'

# Every failure of a registry in words: $1 what was tried, $2 the reference.
explain_failure() {
  case "$status" in
  401 | 403) fail "$EXIT_DENIED" "$1 $2: the registry refused it with status $status; check the Secret that the oras-env annotation names" ;;
  404) fail "$EXIT_INPUT_NOT_FOUND" "$1 $2: it is not in the registry (status 404); check the name and whether the step that makes it has ended" ;;
  timeout) fail "$EXIT_REGISTRY_UNAVAILABLE" "$1 $2: the registry did not answer within $timeout s; last: ${reason:-no answer}" ;;
  esac
  fail "$EXIT_INPUT_INVALID" "$1 $2: ${reason:-failed} (status ${status:-none})"
}

resolve_input() {
  # shellcheck disable=SC2086  # $plain is one word or none
  call_oras manifest fetch --descriptor $plain ${config:+--registry-config "$config"} "$ref"
}

copy_input() {
  # shellcheck disable=SC2086
  call_oras cp ${plain:+--from-plain-http} ${config:+--from-registry-config "$config"} --to-oci-layout \
    "$(repository_of "$ref")@$digest" "$step/inputs/$count/layout:input"
}

pull_input() {
  local started place="$step/inputs/$count"
  set_reference "$1"
  set_credentials ORAS_PULL_PASS "${ref%%/*}"
  mkdir -p "$place"
  started="$(now)"
  say "input $((count + 1)): $ref"
  retry_until "$deadline" "input $ref" resolve_input || explain_failure "pull of" "$ref"
  digest="$(printf '%s' "$answer" | tool jq -r .digest)"
  # The tag is not asked again: what was resolved is what is copied.
  retry_until "$deadline" "input $ref" copy_input || explain_failure "pull of" "$ref"

  local manifest="$place/layout/blobs/sha256/${digest#sha256:}"
  tool jq -r "$layers" "$manifest" >"$place/layers" 2>/dev/null ||
    fail "$EXIT_INPUT_INVALID" "input $1: its manifest $digest is not that of an artifact"
  [ -s "$place/layers" ] ||
    fail "$EXIT_INPUT_INVALID" "input $1: none of its layers has a file name; it may be a container image or an index, not an artifact"
  local sum=0 size title
  while read -r _ _ size title; do
    decode "$title"
    title_is_safe "$decoded" || fail "$EXIT_INPUT_INVALID" "input $1: the file name $decoded leaves the place it is laid out in"
    sum=$((sum + size))
  done <"$place/layers"
  printf '%s\n' "$digest" >"$place/digest"
  # For `unpack: "false"`: the name of an archive whose title is only "."
  basename "$(repository_of "$ref")" >"$place/name"
  say "input $((count + 1)): $digest, $sum bytes, $(($(now) - started)) s"
  count=$((count + 1))
}

# An upload that is started and never completed: the 202 to its POST proves the permission, nothing is stored.
probe_push() {
  local random
  random="$(head -c 32 /dev/urandom | sha256sum | cut -d' ' -f1)"
  # shellcheck disable=SC2086
  call_oras blob push $plain ${config:+--registry-config "$config"} --size 1 "$(repository_of "$ref")@sha256:$random" - </dev/null
  [ "$accepted" -gt 0 ]
}

check_output() {
  set_reference "$1"
  set_credentials ORAS_PUSH_PASS "${ref%%/*}"
  retry_until "$deadline" "output $ref" probe_push || explain_failure "push to" "$ref"
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
    --private) private="$2" ;;
    --message-path) message_path="$2" ;;
  --debug) debug="$2" ;;
    *) fail 2 "pull.sh does not know the option $1" ;;
    esac
    shift 2
  done
  explain "inputs: $inputs, output: ${output:-none}, timeout: $timeout s, credentials: ${credentials:-none}"
}

umask 022
read_options "$@"
deadline=$(($(now) + timeout))
while [ $# -gt 0 ]; do
  [ "$1" != --input ] || pull_input "$2"
  shift 2
done
[ -z "$output" ] || check_output "$output"
