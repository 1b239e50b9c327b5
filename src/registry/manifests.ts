import { digestOf } from "./blobs.ts";
import { manifestTypes } from "./manifest-types.ts";
import { askOwn, type OwnRegistry } from "./own.ts";

/** A manifest as its registry has it. */
export interface RawManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** As distribution's own limit. */
const longestManifest = 4 * 2 ** 20;

/**
 * Reads a manifest.
 *
 * @param reference - a tag or a digest
 * @param mostBytes - how large it may be
 * @returns undefined where it is not there, or what is there has another digest
 * @throws where the registry does not say; a TooLongError
 */
export async function readManifest(
  registry: OwnRegistry,
  repository: string,
  reference: string,
  mostBytes = longestManifest,
): Promise<RawManifest | undefined> {
  const path = `/v2/${repository}/manifests/${reference}`;
  const headers = { accept: manifestTypes };
  const {
    status,
    headers: said,
    body,
  } = await askOwn({ ...registry, method: "GET", path, headers, mostBytes });
  if (status === 404) return undefined;
  if (status !== 200)
    throw new Error(`the registry answers with ${status} when it is asked for ${repository}, ${reference}`);
  const digest = digestOf(body);
  if (reference.startsWith("sha256:") && reference !== digest) return undefined;
  return { digest, mediaType: said["content-type"] ?? "", bytes: body };
}

/**
 * Writes a manifest.
 *
 * @param reference - a tag, or its digest
 * @throws where the registry does not take it
 */
export async function writeManifest(
  registry: OwnRegistry,
  repository: string,
  reference: string,
  { mediaType, bytes }: { readonly mediaType: string; readonly bytes: string | Buffer },
): Promise<void> {
  const { status } = await askOwn({
    ...registry,
    method: "PUT",
    path: `/v2/${repository}/manifests/${reference}`,
    headers: { "content-type": mediaType },
    body: bytes,
  });
  if (status !== 201)
    throw new Error(`the registry answers with ${status} when ${repository}, ${reference} is to be written`);
}
