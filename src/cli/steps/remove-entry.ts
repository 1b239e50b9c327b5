import { memoRepositoryOf } from "../../cache/memo-repository.ts";
import { latestTag, unsignedEntry } from "../../memo/entry.ts";
import type { Named } from "../artifacts/reference.ts";
import { RegistryError } from "../oci/errors.ts";
import type { OpenRegistry } from "../remote/open.ts";

/**
 * Removes what is remembered of an output, if it is one of some steps that made it: equal steps run again then, and retention takes
 * what no tag names any more. What another run has made stays remembered.
 *
 * @param open - the registry
 * @param output - where a step pushed
 * @param uids - of the steps
 * @returns whether there was something
 */
export async function removeEntry(
  { registry, of }: OpenRegistry,
  { repository, tag }: Named,
  uids: ReadonlySet<string | undefined>,
): Promise<boolean> {
  const { spec, status } = of?.cache ?? {};
  if (spec === undefined || spec.deploy === false || tag === undefined) return false;
  const memo = memoRepositoryOf(spec);
  try {
    const { bytes, digest } = await registry.listedManifest(memo, latestTag({ repository, tag }));
    const entry = unsignedEntry(bytes, status?.memo);
    if (entry === undefined || !uids.has(entry.by?.uid)) return false;
    await registry.deleteManifest(memo, digest);
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.status === 404) return false;
    throw error;
  }
}
