import { Readable } from "node:stream";
import type { RawManifest, Told } from "../oci/types.ts";
import type { Place } from "./get.ts";
import { inParallel } from "./list.ts";
import { referencesOf } from "./manifest.ts";

/** Blobs at once. */
const mostBlobs = 4;

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
  from: Place,
  to: Place,
  manifest: RawManifest,
  names: { readonly reference: string; readonly shown: string },
  told: Told,
): Promise<void> {
  const { blobs, manifests } = referencesOf(manifest, names.shown);
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
    const part = await from.registry.manifest(from.repository, digest);
    await copyArtifact(from, to, part, { ...names, reference: digest }, told);
  }
  await to.registry.pushManifest(to.repository, names.reference, manifest);
}
