import { identityOf } from "./owner.ts";
import { s3Location } from "./s3.ts";
import type { StoredOrasCache } from "./types.ts";

/** Who stands in the way, and where. */
export interface Holder {
  readonly cache: StoredOrasCache;
  readonly location: string;
}

/**
 * Which cache has the folder of a bucket that another one wants, or one around or within it: two registries that do not know
 * of each other would overwrite and delete each other's artifacts. Who has it keeps it, whatever others write into their
 * specs; else it is who was there first.
 *
 * @param cache - that wants it
 * @param others - all caches
 * @param granted - folders that this process gave away, by the key of the cache; statuses have those of before
 * @returns undefined if nobody stands in the way
 */
export function prefixHolder(
  cache: StoredOrasCache,
  others: Iterable<StoredOrasCache>,
  granted: ReadonlyMap<string, string>,
): Holder | undefined {
  const wanted = s3Location(cache);
  if (wanted === undefined) return undefined;
  const heldBy = (one: StoredOrasCache) => granted.get(keyOf(one)) ?? one.status?.storage?.location;
  const rank = (one: StoredOrasCache, location: string) => {
    const { creationTimestamp = 0 } = one.metadata ?? {};
    const since = new Date(creationTimestamp).toISOString();
    return [heldBy(one) === location ? "0" : "1", since, keyOf(one)].join(" ");
  };
  const mine = rank(cache, wanted);
  for (const other of others) {
    if (keyOf(other) === keyOf(cache)) continue;
    // One that was refused another folder is still where it was.
    for (const location of [heldBy(other), s3Location(other)]) {
      if (location !== undefined && overlap(location, wanted) && rank(other, location) < mine)
        return { cache: other, location };
    }
  }
  return undefined;
}

/**
 * The caches that may be able to have a folder now that another one has left it.
 *
 * @param now - the other one; undefined when it is gone
 * @param before - as it was
 * @param caches - all of them
 * @returns their keys
 */
export function neighboursOf(
  now: StoredOrasCache | undefined,
  before: StoredOrasCache | undefined,
  caches: Iterable<StoredOrasCache>,
): string[] {
  const stays = locationsOf(now);
  const left = locationsOf(before).filter((location) => !stays.includes(location));
  if (left.length === 0) return [];
  const waits = (wanted: string | undefined) =>
    wanted !== undefined && left.some((location) => overlap(location, wanted));
  return [...caches].filter((cache) => waits(s3Location(cache))).map(keyOf);
}

/** Where a cache is to keep its artifacts, and where it does. */
function locationsOf(cache: StoredOrasCache | undefined): string[] {
  if (cache === undefined) return [];
  return [s3Location(cache), cache.status?.storage?.location].filter((location) => location !== undefined);
}

/** Whether one folder is the other, or within it. */
function overlap(one: string, other: string): boolean {
  return `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`);
}

/** The key of a cache: `namespace/name`. */
function keyOf(cache: StoredOrasCache): string {
  const { namespace, name } = identityOf(cache);
  return `${namespace}/${name}`;
}
