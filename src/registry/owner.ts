import { names } from "../../schema/names.ts";
import { writeBlob } from "./blobs.ts";
import { readManifest, writeManifest } from "./manifests.ts";
import type { OwnRegistry } from "./own.ts";

/** Whose folder of a bucket it is, as an artifact in it says. */
export interface Owner {
  /** See installationId. */
  readonly installation: string;
  /** `namespace/name`. */
  readonly cache: string;
}

const mediaType = "application/vnd.oci.image.manifest.v1+json";
/** What the operator has written is short. */
const mostBytes = 64 * 1024;
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
  const found = await readManifest(registry, names.stateRepository, names.ownerTag, mostBytes);
  if (found === undefined) return undefined;
  const { annotations } = JSON.parse(found.bytes.toString()) as {
    annotations?: Readonly<Record<string, unknown>>;
  };
  const said = (key: string) => String(annotations?.[key] ?? "").slice(0, 300);
  return {
    installation: said(names.ownerInstallationAnnotation),
    cache: said(names.ownerCacheAnnotation),
  };
}

/** As an artifact without files, by the guidance of the image specification. */
async function writeOwner(registry: OwnRegistry, { installation, cache }: Owner): Promise<void> {
  const blob = await writeBlob(registry, names.stateRepository, "application/vnd.oci.empty.v1+json", "{}");
  const manifest = {
    ...{ schemaVersion: 2, mediaType, artifactType: "application/vnd.oci.empty.v1+json" },
    ...{ config: blob, layers: [blob] },
    annotations: {
      [names.ownerInstallationAnnotation]: installation,
      [names.ownerCacheAnnotation]: cache,
    },
  };
  const bytes = JSON.stringify(manifest);
  await writeManifest(registry, names.stateRepository, names.ownerTag, { mediaType, bytes });
}
