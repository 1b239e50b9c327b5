# shellcheck shell=dash
# An output as an OCI artifact that stock oras understands. Expects lib.sh, registry.sh,
# $output, $parts (numbers of the wrapped containers that left something), $images, $inputs, $compression.

# Writes standard input, a file or a directory's tar, to $out/blob, once, and its digests beside it: see layer.c.
write_blob() {
  local how="$compression"
  [ "$how" != auto ] || how="gzip"
  [ "$1" = dir ] || how="file"
  rm -f "$out/blob"
  tool layer "$how" >"$out/blob" 3>"$out/digests"
}

# The layers of the artifact, one a line: media type, digest, size, digest of the tar, title in base64. Fails when two
# have the same name: a stock client would refuse to write one over the other.
list_layers() {
  local number kind title type tar digest size
  # shellcheck disable=SC2086  # numbers
  for number in $parts; do
    read -r kind title <"$share/$number/out/received"
    read -r digest size tar <"$share/$number/out/digests"
    type=tar
    case "$kind:$compression" in
    dir:zstd)
      decode "$title"
      [ "$decoded" != . ] || decoded="$(basename "$(repository_of "$ref")")"
      type=tar+zstd title="$(encode "$decoded.tar.zst")"
      ;;
    dir:*) type="tar+gzip" ;;
    esac
    printf '%s %s %s %s %s\n' "$type" "$digest" "$size" "$tar" "$title"
  done >"$step/out/layers"
  title="$(cut -d' ' -f5 "$step/out/layers" | sort | uniq -d | head -n 1)"
  [ -n "$title" ] || return 0
  decode "$title"
  fail "$EXIT_PUSH_FAILED" "push to $ref: two wrapped containers made an output named $decoded; nothing was pushed"
}

# The manifest (OCI image spec 1.1, "Guidelines for Artifact Usage"). What computed the artifact is on it; when and
# where is not, so that the same computation gives the same digest.
write_manifest() {
  local i=0
  : >"$step/out/input-digests"
  while [ "$i" -lt "$inputs" ]; do
    cat "$step/inputs/$i/digest" >>"$step/out/input-digests"
    i=$((i + 1))
  done
  # shellcheck disable=SC2016  # jq's variables
  tool jq -c -S -n --arg type "$ARTIFACT_TYPE" --arg unpack_key "$ARTIFACT_UNPACK_ANNOTATION" \
    --arg image_key "$ARTIFACT_IMAGE_ANNOTATION" --arg images "$images" \
    --arg input_key "$ARTIFACT_INPUT_ANNOTATION" --rawfile inputs "$step/out/input-digests" \
    --rawfile layers "$step/out/layers" '
    def lines: [splits("\n")] | if .[-1] == "" then .[:-1] else . end;
    def numbered($key): lines | to_entries | map(select(.value != "")
      | {key: ($key + (if .key == 0 then "" else "_\(.key)" end)), value}) | from_entries;
    {schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", artifactType: $type,
     config: {mediaType: "application/vnd.oci.empty.v1+json", size: 2, data: "e30=",
              digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
     layers: ($layers | lines | map(split(" ") | . as [$kind, $digest, $size, $tar, $title]
       | {digest: $digest, size: ($size | tonumber), mediaType: "application/vnd.oci.image.layer.v1.\($kind)",
          annotations: ({"org.opencontainers.image.title": ($title | @base64d)}
            + if $kind == "tar+gzip" then
                {"io.deis.oras.content.unpack": "true", "io.deis.oras.content.digest": $tar}
              elif $kind == "tar+zstd" then {($unpack_key): "true"} else {} end)})),
     annotations: ({"org.opencontainers.image.created": "1970-01-01T00:00:00Z"}
       + ($images | numbered($image_key)) + ($inputs | numbered($input_key)))}' >"$step/out/manifest"
}

# Through standard input: a file that is named is hashed by oras again.
push_blob() {
  # shellcheck disable=SC2086  # $plain is one word or none
  call_oras "$(seconds_for "$3")" blob push $plain ${config:+--registry-config "$config"} ${authority:+--ca-file "$authority"} --size "$3" \
    "$(repository_of "$ref")@$1" - <"$2"
}

push_manifest() {
  # shellcheck disable=SC2086
  call_oras "$timeout" manifest push $plain ${config:+--registry-config "$config"} ${authority:+--ca-file "$authority"} --descriptor \
    --media-type application/vnd.oci.image.manifest.v1+json "$ref" "$step/out/manifest"
}

# Where the tag points before it is moved: $replaced, empty where there is none. That it cannot be known is no failure.
find_replaced() {
  replaced=''
  # shellcheck disable=SC2086
  call_oras 15 manifest fetch $plain ${config:+--registry-config "$config"} ${authority:+--ca-file "$authority"} \
    --descriptor "$ref" || return 0
  replaced="$(printf '%s' "$answer" | tool jq -r '.digest // ""')" || replaced=''
}

# Blobs, config, then the manifest with its tag: a client that sees the tag sees the whole artifact.
push_artifact() {
  local number digest size title started manifest replaced sum=0
  started="$(now)"
  set_reference "$output"
  set_credentials ORAS_PUSH_PASS "${ref%%/*}"
  # shellcheck disable=SC2086  # numbers
  for number in $parts; do
    read -r _ title <"$share/$number/out/received"
    decode "$title"
    { read -r digest size _ <"$share/$number/out/digests" && [ -r "$share/$number/out/blob" ]; } 2>/dev/null ||
      fail "$EXIT_PUSH_FAILED" "push to $ref: the output $decoded could not be read back"
    say "pushing $decoded, $size bytes, to $ref"
    sum=$((sum + size))
    retry "output $ref" push_blob "$digest" "$share/$number/out/blob" "$size" || push_failed
  done
  printf '{}' >"$step/out/config"
  retry "output $ref" push_blob \
    sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a "$step/out/config" 2 || push_failed
  list_layers
  find_replaced
  write_manifest || fail "$EXIT_PUSH_FAILED" "the manifest of $ref could not be written"
  retry "output $ref" push_manifest || push_failed
  manifest="sha256:$(sha256sum <"$step/out/manifest" | cut -d' ' -f1)"
  say "pushed $ref@$manifest in $(($(now) - started)) s"
  # shellcheck disable=SC2016
  terminate_with "$(tool jq -c -n --arg artifact "$ref" --arg digest "$manifest" --argjson bytes "$sum" \
    --argjson seconds $(($(now) - started)) --arg replaced "$replaced" \
    '{artifact: $artifact, digest: $digest, bytes: $bytes, seconds: $seconds} + if $replaced == "" then {} else {replaced: $replaced} end')"
}

push_failed() {
  case "$status" in
  timeout) fail "$EXIT_PUSH_FAILED" "push to $ref: the registry did not take it within $timeout s; last: ${reason:-no answer}" ;;
  401 | 403) fail "$EXIT_PUSH_FAILED" "push to $ref: the registry refused it with status $status; check the Secret that $ORAS_ENV_ANNOTATION names" ;;
  local) fail "$EXIT_PUSH_FAILED" "push to $ref: $reason" ;;
  esac
  fail "$EXIT_PUSH_FAILED" "push to $ref: ${reason:-failed} (status ${status:-none})"
}
