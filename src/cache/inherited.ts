const leastMs = 1_000;
/** By then the garbage collector has long deleted what belonged to a cache that is gone. */
const longestMs = 300_000;

/**
 * When to look again at a Secret that a cache has found instead of creating it. It may be that of a deleted cache of the same
 * name, and go with it: the operator may not read it, so it cannot see whose it is.
 *
 * @param ageMs - how long ago the cache was created
 * @returns in how many milliseconds, each time twice as late; undefined where the cache is so old that the Secret is its own
 */
export function inheritedInMs(ageMs: number): number | undefined {
  return ageMs < longestMs ? Math.max(ageMs, leastMs) : undefined;
}
