/** The tag of what is about a manifest, in a registry without the referrers API, and those of cosign. */
const form = /^sha256-([a-f0-9]{64})(?:\.[\w.-]+)?$/;

/**
 * The tag under which registries without the referrers API keep what is about a manifest.
 *
 * @param digest - of the manifest
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md "Referrers Tag Schema"
 */
export function fallbackTagOf(digest: string): string {
  return digest.replace(":", "-");
}

/**
 * The digest of the manifest that a tag is about; undefined where the tag names an artifact.
 *
 * @param tag - any
 */
export function subjectOfTag(tag: string): string | undefined {
  const digits = form.exec(tag)?.[1];
  return digits === undefined ? undefined : `sha256:${digits}`;
}
