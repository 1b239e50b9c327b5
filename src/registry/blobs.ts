import { createHash } from "node:crypto";
import { askOwn, type OwnRegistry, shortAnswer, TooLongError } from "./own.ts";

/** What a manifest says of a blob, or of another manifest. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** The sha256 of bytes, as registries write it. */
export function digestOf(content: string | Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/**
 * How large a blob of a repository is.
 *
 * @returns undefined where it is not there
 * @throws where the registry does not say
 */
export async function blobSize(
  registry: OwnRegistry,
  repository: string,
  digest: string,
): Promise<number | undefined> {
  const path = `/v2/${repository}/blobs/${digest}`;
  const { status, headers } = await askOwn({ ...registry, method: "HEAD", path });
  if (status === 404) return undefined;
  const size = Number(headers["content-length"]);
  if (status !== 200 || !Number.isSafeInteger(size))
    throw new Error(`the registry answers with ${status} when it is asked for a blob of ${repository}`);
  return size;
}

/**
 * Reads a blob whose digest is a sha256.
 *
 * @param mostBytes - how large it may be
 * @returns undefined where it is not there, or what is there has another digest
 * @throws where the registry does not say; a TooLongError
 */
export async function readBlob(
  registry: OwnRegistry,
  repository: string,
  digest: string,
  mostBytes: number,
): Promise<Buffer | undefined> {
  const path = `/v2/${repository}/blobs/${digest}`;
  // That it is not there can take more words than a short blob has.
  const asked = { ...registry, method: "GET", path, mostBytes: Math.max(mostBytes, shortAnswer) } as const;
  const { status, body } = await askOwn(asked);
  if (status === 404) return undefined;
  if (status !== 200)
    throw new Error(`the registry answers with ${status} when it is asked for a blob of ${repository}`);
  if (body.length > mostBytes)
    throw new TooLongError(`the registry answers with more than ${mostBytes} bytes`);
  return digestOf(body) === digest ? body : undefined;
}

/**
 * Writes a small blob.
 *
 * @returns its descriptor
 * @throws where the registry does not take it
 */
export async function writeBlob(
  registry: OwnRegistry,
  repository: string,
  mediaType: string,
  content: string,
): Promise<Descriptor> {
  const digest = digestOf(content);
  const begun = await askOwn({ ...registry, method: "POST", path: `/v2/${repository}/blobs/uploads/` });
  if (begun.status !== 202)
    throw new Error(
      `the registry answers with ${begun.status} when a blob is to be written to ${repository}`,
    );
  const upload = uploadOf(registry, begun.headers.location);
  upload.searchParams.set("digest", digest);
  const { status } = await askOwn({
    ...registry,
    method: "PUT",
    path: upload.pathname + upload.search,
    headers: { "content-type": "application/octet-stream" },
    body: content,
  });
  if (status !== 201)
    throw new Error(`the registry answers with ${status} when a blob is to be written to ${repository}`);
  return { mediaType, digest, size: Buffer.byteLength(content) };
}

/**
 * Makes a blob of one repository one of another, too, without moving its bytes.
 *
 * @returns whether it is there now: a registry need not do that
 * @throws where the registry does not say
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md, "Mounting a blob from another repository"
 */
export async function mountBlob(
  registry: OwnRegistry,
  digest: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<boolean> {
  const query = new URLSearchParams({ mount: digest, from });
  const { status, headers } = await askOwn({
    ...registry,
    method: "POST",
    path: `/v2/${to}/blobs/uploads/?${query}`,
  });
  if (status === 201) return true;
  if (status !== 202)
    throw new Error(`the registry answers with ${status} when a blob of ${from} is to be mounted in ${to}`);
  // An upload has begun instead, which nobody goes on with.
  const upload = uploadOf(registry, headers.location);
  await askOwn({ ...registry, method: "DELETE", path: upload.pathname + upload.search });
  return false;
}

/** Whatever host the registry names, the request goes to the peer. */
function uploadOf({ peer }: OwnRegistry, location: string | undefined): URL {
  return new URL(location ?? "", `http://${peer.host}`);
}
