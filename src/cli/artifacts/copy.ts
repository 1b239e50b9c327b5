import { Readable } from "node:stream";
import { inParallel } from "../../common/in-parallel.ts";
import type { RawManifest, Registry, Told } from "../oci/types.ts";
import { referencesOf } from "./manifest.ts";

/** Blobs at once. */
const mostBlobs = 4;

/** Where an artifact is copied from: a registry, or a folder that is read like one. */
interface Source {
  readonly registry: Pick<Registry, "manifest" | "readBlob">;
  readonly repository: string;
}

interface Target {
  readonly registry: Pick<Registry, "pushBlob" | "pushManifest">;
  readonly repository: string;
}

/**
 * Copies an artifact, or an index with all that it names, as it is: its digest stays.
 *
 * @param from - where it is
 * @param to - where it goes
 * @param manifest - of it
 * @param names - its tag or digest there, and its name for messages
 * @param told - of bytes
 */
export async function copyArtifact(
  from: Source,
  to: Target,
  manifest: RawManifest,
  names: { readonly reference: string; readonly shown: string },
  told: Told,
): Promise<void> {
  await copyOnce({ from, to, shown: names.shown, told, copied: new Set() }, manifest);
  await to.registry.pushManifest(to.repository, names.reference, manifest);
}

interface Copying {
  readonly from: Source;
  readonly to: Target;
  readonly shown: string;
  readonly told: Told;
  /** Digests of manifests: indexes that name one another twice, level by level, would double the work with each. */
  readonly copied: Set<string>;
}

/** Copies what a manifest names, but not itself. */
async function copyOnce(copying: Copying, manifest: RawManifest): Promise<void> {
  const { from, to, shown, told, copied } = copying;
  const { blobs, manifests } = referencesOf(manifest, shown);
  await inParallel(
    blobs,
    (blob) => {
      const open = () =>
        Readable.from(from.registry.readBlob(from.repository, blob, { onRetry: told.onRetry }));
      return to.registry.pushBlob(to.repository, { ...blob, open }, told);
    },
    mostBlobs,
  );
  for (const { digest } of manifests) {
    if (copied.has(digest)) continue;
    copied.add(digest);
    const part = await from.registry.manifest(from.repository, digest);
    await copyOnce(copying, part);
    await to.registry.pushManifest(to.repository, digest, part);
  }
}
