import { createHash, randomBytes } from "node:crypto";

const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** An artifact that a registry has acknowledged. */
export interface Pushed {
  readonly repository: string;
  readonly manifest: string;
  readonly blob: string;
}

const digestOf = (bytes: string | Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/**
 * Pushes an artifact of one random blob, in pieces as large clients do. Each request may go to another registry of those that
 * share a storage.
 *
 * @param repository - without a host
 * @param at - the URL of the registry that gets the next request
 * @throws where one of the requests fails
 */
export async function pushArtifact(repository: string, at: () => string): Promise<Pushed> {
  const bytes = randomBytes(20_000);
  const layer = await pushBlob(repository, at, bytes);
  const config = await pushBlob(repository, at, Buffer.from("{}"));
  const manifest = JSON.stringify({
    ...{ schemaVersion: 2, mediaType: manifestType },
    config: { mediaType: "application/vnd.oci.empty.v1+json", digest: config, size: 2 },
    layers: [{ mediaType: "application/octet-stream", digest: layer, size: bytes.length }],
  });
  const digest = digestOf(manifest);
  const headers = { "content-type": manifestType };
  const path = `/v2/${repository}/manifests/${digest}`;
  expectStatus(await fetch(at() + path, { method: "PUT", body: manifest, headers }), 201);
  return { repository, manifest: digest, blob: layer };
}

async function pushBlob(repository: string, at: () => string, bytes: Buffer): Promise<string> {
  const begun = await fetch(`${at()}/v2/${repository}/blobs/uploads/`, { method: "POST" });
  const first = next(expectStatus(begun, 202), at);
  const headers = { "content-type": "application/octet-stream" };
  const half = Math.floor(bytes.length / 2);
  const patched = await fetch(first, { method: "PATCH", body: bytes.subarray(0, half), headers });
  const last = next(expectStatus(patched, 202), at);
  const digest = digestOf(bytes);
  last.searchParams.set("digest", digest);
  expectStatus(await fetch(last, { method: "PUT", body: bytes.subarray(half), headers }), 201);
  return digest;
}

/** Where an upload goes on: at the path that the registry says, of whichever registry is next. */
function next(response: Response, at: () => string): URL {
  const { pathname, search } = new URL(response.headers.get("location") ?? "", response.url);
  return new URL(pathname + search, at());
}

function expectStatus(response: Response, status: number): Response {
  if (response.status !== status) throw new Error(`${response.status} instead of ${status}: ${response.url}`);
  return response;
}

/**
 * Whether a registry has all of an artifact, as it was pushed.
 *
 * @param url - of the registry
 * @param pushed - the artifact
 */
export async function isWhole(url: string, { repository, manifest, blob }: Pushed): Promise<boolean> {
  const has = async (path: string, digest: string) => {
    const response = await fetch(`${url}/v2/${repository}/${path}/${digest}`, {
      headers: { accept: manifestType },
    });
    return response.ok && digestOf(new Uint8Array(await response.arrayBuffer())) === digest;
  };
  return (await has("manifests", manifest)) && (await has("blobs", blob));
}
