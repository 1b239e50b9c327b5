import { createHash } from "node:crypto";
import { names } from "../../schema/names.ts";
import { askOwn, type OwnRequest } from "./own.ts";

/** Whose folder of a bucket it is, as an artifact in it says. */
export interface Owner {
  /** See installationId. */
  readonly installation: string;
  /** `namespace/name`. */
  readonly cache: string;
}

/** A registry of the operator's. */
export type OwnRegistry = Pick<OwnRequest, "peer" | "authorization" | "signal">;

const mediaType = "application/vnd.oci.image.manifest.v1+json";
const path = `/v2/${names.stateRepository}`;
const manifestPath = `${path}/manifests/${names.ownerTag}`;
const empty = "{}";
/** For all requests together: the cache waits for it. */
const longestMs = 10_000;

/**
 * Whose the storage of a registry is. If nobody has said so yet, it is claimed.
 *
 * @param asked - the registry
 * @param own - who asks
 * @throws where the registry does not answer as one does
 */
export async function claimStorage(asked: OwnRegistry, own: Owner): Promise<Owner> {
  const registry = { ...asked, signal: AbortSignal.any([asked.signal, AbortSignal.timeout(longestMs)]) };
  const found = await readOwner(registry);
  if (found !== undefined) return found;
  await writeOwner(registry, own);
  // Another one may have written at the same time: the last one counts. Who wrote before sees it at the next look.
  return (await readOwner(registry)) ?? own;
}

async function readOwner(registry: OwnRegistry): Promise<Owner | undefined> {
  const headers = { accept: mediaType };
  const { status, body } = await askOwn({ ...registry, method: "GET", path: manifestPath, headers });
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`the registry answers with ${status} when it is asked whose it is`);
  const { annotations } = JSON.parse(body) as { annotations?: Readonly<Record<string, unknown>> };
  const said = (key: string) => String(annotations?.[key] ?? "").slice(0, 300);
  return {
    installation: said(names.ownerInstallationAnnotation),
    cache: said(names.ownerCacheAnnotation),
  };
}

/** As an artifact without files, by the guidance of the image specification. */
async function writeOwner(registry: OwnRegistry, { installation, cache }: Owner): Promise<void> {
  const digest = `sha256:${createHash("sha256").update(empty).digest("hex")}`;
  const begun = await askOwn({ ...registry, method: "POST", path: `${path}/blobs/uploads/` });
  const upload = new URL(begun.location ?? "", `http://${registry.peer.host}`);
  upload.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream" };
  const written = {
    ...registry,
    method: "PUT",
    path: upload.pathname + upload.search,
    headers,
    body: empty,
  } as const;
  expectCreated((await askOwn(written)).status);
  const blob = { mediaType: "application/vnd.oci.empty.v1+json", digest, size: empty.length };
  const manifest = {
    ...{ schemaVersion: 2, mediaType, artifactType: "application/vnd.oci.empty.v1+json" },
    ...{ config: blob, layers: [blob] },
    annotations: {
      [names.ownerInstallationAnnotation]: installation,
      [names.ownerCacheAnnotation]: cache,
    },
  };
  const put = { method: "PUT", path: manifestPath, headers: { "content-type": mediaType } } as const;
  expectCreated((await askOwn({ ...registry, ...put, body: JSON.stringify(manifest) })).status);
}

function expectCreated(status: number): void {
  if (status !== 201) throw new Error(`the registry answers with ${status} when it is told whose it is`);
}
