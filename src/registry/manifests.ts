import { names } from "../../schema/names.ts";
import { digestOf } from "./blobs.ts";
import { manifestTypes } from "./manifest-types.ts";
import { askOwn, type OwnRegistry, shortAnswer, TooLongError } from "./own.ts";

/** A manifest as its registry has it. */
export interface RawManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** As distribution's own limit. */
export const longestManifest = 4 * 2 ** 20;

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
  // To look at it is no pull, which would keep it.
  const headers = { accept: manifestTypes, "user-agent": names.listingUserAgent };
  const {
    status,
    headers: said,
    body,
  } = await askOwn({
    ...registry,
    method: "GET",
    path,
    headers,
    mostBytes: Math.max(mostBytes, shortAnswer),
  });
  if (status === 404) return undefined;
  if (status !== 200)
    throw new Error(`the registry answers with ${status} when it is asked for ${repository}, ${reference}`);
  if (body.length > mostBytes)
    throw new TooLongError(`the registry answers with more than ${mostBytes} bytes`);
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
