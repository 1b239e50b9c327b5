import { memoRepositoryOf } from "../../cache/memo-repository.ts";
import type { Source } from "../../lineage/choose-statement.ts";
import { latestTag, unsignedEntry } from "../../memo/entry.ts";
import { gone } from "../artifacts/list.ts";
import { isRepository } from "../artifacts/reference.ts";
import type { OpenRegistry } from "../remote/open.ts";

/** Whose result a tag was given, and in which repository that was pushed. */
export interface MemoSource extends Source {
  readonly repository: string;
}

/** What was forgotten is not taken any more; who made it is told all the same. */
const anyEpoch = { epoch: Number.MAX_SAFE_INTEGER };

/**
 * Who made the result that a tag names, as the operator remembers: it writes that also where a step takes the result of another one.
 * Entries are not verified: anybody who may push can have written one.
 *
 * @param open - the registry
 * @param repository - of the tag, whole
 * @param tag - that names the artifact
 * @param digest - that it has to be
 * @returns undefined where nothing is remembered of it
 */
export async function memoSourceOf(
  { registry, of }: OpenRegistry,
  repository: string,
  tag: string,
  digest: string,
): Promise<MemoSource | undefined> {
  const spec = of?.cache.spec;
  if (spec === undefined || spec.deploy === false) return undefined;
  const name = latestTag({ repository, tag });
  const manifest = await gone(registry.listedManifest(memoRepositoryOf(spec), name), undefined);
  const entry = manifest && unsignedEntry(manifest.bytes, anyEpoch);
  if (entry?.output.digest !== digest || !isRepository(entry.output.repository)) return undefined;
  // Anybody can have written it.
  const { kind, name: by, pod, run } = Object(entry.by) as Partial<typeof entry.by>;
  const isTold = [kind, by, entry.at].every((text) => typeof text === "string");
  if (!isTold) return undefined;
  return {
    ...{ step: `${String(kind).toLowerCase()}/${by}`, at: entry.at, repository: entry.output.repository },
    ...(typeof pod === "string" && { pod }),
    ...(typeof run === "string" && { run }),
  };
}
