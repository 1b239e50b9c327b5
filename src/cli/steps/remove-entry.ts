import { memoRepositoryOf } from "../../cache/memo-repository.ts";
import { keyForm, latestTag, unsignedEntry } from "../../memo/entry.ts";
import { gone } from "../artifacts/list.ts";
import type { Named } from "../artifacts/reference.ts";
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
  const removeAt = async (reference: string) => {
    const { bytes, digest } = await registry.listedManifest(memo, reference);
    const entry = unsignedEntry(bytes, status?.memo);
    if (entry === undefined || !uids.has(entry.by?.uid)) return undefined;
    await registry.deleteManifest(memo, digest);
    return entry;
  };
  const found = await gone(removeAt(latestTag({ repository, tag })), undefined);
  // Where a step has taken it since, its key may name a later writing of it.
  if (found !== undefined && keyForm.test(found.key)) await gone(removeAt(found.key), undefined);
  return found !== undefined;
}
