import type { Found as FoundOne, MemoEntry, Memos } from "../memo/memos.ts";
import type { Keyed } from "./memo-keys.ts";

/** What registries say of all keys of a step. */
export interface Found {
  /** Of the step. */
  readonly whole: FoundOne;
  /** Of each of its units that has one; of a step that takes all or none, only where the whole is a hit. */
  readonly entries: readonly (MemoEntry | undefined)[];
}

const mostAtOnce = 8;

/**
 * Looks for the results of a step. It is a hit where all are there, and unknown where that is not known of one.
 *
 * @param memos - what is remembered
 * @param cache - `namespace/name`
 * @param keyed - the step
 * @param maxAgeSeconds - how old results may be
 */
export async function findAll(
  memos: Memos,
  cache: string,
  { units, asWhole }: Pick<Keyed, "units" | "asWhole">,
  maxAgeSeconds: number | undefined,
): Promise<Found> {
  const all: FoundOne[] = [];
  for (let at = 0; at < units.length; at += mostAtOnce) {
    const some = units.slice(at, at + mostAtOnce);
    const found = await Promise.all(some.map(({ key }) => memos.find(cache, key.key, { maxAgeSeconds })));
    const other = found.find(({ kind }) => kind === "unknown" || (kind === "miss" && asWhole !== undefined));
    if (other) return { whole: other, entries: [] };
    all.push(...found);
  }
  const entries = all.map((one) => (one.kind === "hit" ? one.entry : undefined));
  const none: FoundOne = { kind: "miss", because: "it has no indexes" };
  return { whole: all.find(({ kind }) => kind === "miss") ?? all[0] ?? none, entries };
}
