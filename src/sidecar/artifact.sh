# shellcheck shell=dash
# An output as an OCI artifact that stock oras understands. Expects lib.sh, registry.sh, $out, $output, $image, $inputs.

digest_of() {
  local line
  line="$(tool openssl dgst -sha256 -r)" || return 1
  printf 'sha256:%s' "${line%% *}"
}

# Writes standard input to $out/blob, once; a directory's tar is compressed on the way, and hashed before that. Sets
# $blob_digest, $blob_size, $tar_digest. The blob itself is hashed from the page cache.
write_blob() {
  rm -f "$out/blob"
  tar_digest=-
  if [ "$1" = dir ]; then
    [ -p "$out/hash" ] || mkfifo "$out/hash"
    digest_of <"$out/hash" >"$out/tar-digest" &
    # Level 1 of igzip is plain gzip; without a name and a time in its header the same tar gives the same bytes.
    (
      set -o pipefail
      tool tee "$out/hash" | tool igzip -1 -T 2 -n -c >"$out/blob"
    ) || return 1
    wait $! || return 1
    tar_digest="$(cat "$out/tar-digest")"
  else
    cat >"$out/blob" || return 1
  fi
  blob_digest="$(digest_of <"$out/blob")" || return 1
  blob_size="$(stat -c %s "$out/blob")"
}

# The manifest (OCI image spec 1.1, "Guidelines for Artifact Usage"). What computed the artifact is on it; when and
# where is not, so that the same computation gives the same digest.
write_manifest() {
  local i=0
  : >"$out/input-digests"
  while [ "$i" -lt "$inputs" ]; do
    cat "$step/inputs/$i/digest" >>"$out/input-digests"
    i=$((i + 1))
  done
  # shellcheck disable=SC2016  # jq's variables
  tool jq -c -S -n --arg type "$ARTIFACT_TYPE" --arg image_key "$ARTIFACT_IMAGE_ANNOTATION" --arg image "$image" \
    --arg input_key "$ARTIFACT_INPUT_ANNOTATION" --rawfile inputs "$out/input-digests" \
    --arg kind "$1" --arg digest "$2" --argjson size "$3" --arg tar "$4" --arg title "$5" '
    {schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", artifactType: $type,
     config: {mediaType: "application/vnd.oci.empty.v1+json", size: 2, data: "e30=",
              digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
     layers: [{digest: $digest, size: $size,
               mediaType: (if $kind == "dir" then "application/vnd.oci.image.layer.v1.tar+gzip"
                           else "application/vnd.oci.image.layer.v1.tar" end),
               annotations: ({"org.opencontainers.image.title": $title}
                 + if $kind == "dir" then {"io.deis.oras.content.unpack": "true", "io.deis.oras.content.digest": $tar}
                   else {} end)}],
     annotations: ({"org.opencontainers.image.created": "1970-01-01T00:00:00Z"}
       + (if $image == "" then {} else {($image_key): $image} end)
       + ([$inputs | splits("\n") | select(. != "")] | to_entries
          | map({key: ($input_key + (if .key == 0 then "" else "_\(.key)" end)), value}) | from_entries))}' >"$out/manifest"
}

push_blob() {
  # shellcheck disable=SC2086  # $plain is one word or none
  call_oras "$(seconds_for "$3")" blob push $plain ${config:+--registry-config "$config"} \
    "$(repository_of "$ref")@$1" "$2"
}

push_manifest() {
  # shellcheck disable=SC2086
  call_oras "$timeout" manifest push $plain ${config:+--registry-config "$config"} --descriptor \
    --media-type application/vnd.oci.image.manifest.v1+json "$ref" "$out/manifest"
}

# Blob, config, then the manifest with its tag: whoever sees the tag sees the whole artifact.
push_artifact() {
  local kind digest size tar title started manifest
  read -r kind digest size tar title <"$out/committed"
  decode "$title"
  started="$(now)"
  set_reference "$output"
  set_credentials ORAS_PUSH_PASS "${ref%%/*}"
  say "pushing $decoded, $size bytes, to $ref"
  write_manifest "$kind" "$digest" "$size" "$tar" "$decoded" ||
    fail "$EXIT_PUSH_FAILED" "the manifest of $ref could not be written"
  printf '{}' >"$out/config"
  retry "output $ref" push_blob "$digest" "$out/blob" "$size" || push_failed
  retry "output $ref" push_blob \
    sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a "$out/config" 2 || push_failed
  retry "output $ref" push_manifest || push_failed
  manifest="$(digest_of <"$out/manifest")"
  say "pushed $ref@$manifest in $(($(now) - started)) s"
  # shellcheck disable=SC2016
  terminate_with "$(tool jq -c -n --arg artifact "$ref" --arg digest "$manifest" --argjson bytes "$size" \
    --argjson seconds $(($(now) - started)) '{artifact: $artifact, digest: $digest, bytes: $bytes, seconds: $seconds}')"
}

push_failed() {
  case "$status" in
  timeout) fail "$EXIT_PUSH_FAILED" "push to $ref: the registry did not take it within $timeout s; last: ${reason:-no answer}" ;;
  401 | 403) fail "$EXIT_PUSH_FAILED" "push to $ref: the registry refused it with status $status; check the Secret that the oras-env annotation names" ;;
  local) fail "$EXIT_PUSH_FAILED" "push to $ref: $reason" ;;
  esac
  fail "$EXIT_PUSH_FAILED" "push to $ref: ${reason:-failed} (status ${status:-none})"
}
