import type { StoredOrasCache } from "../cache/types.ts";
import { createStaleness, type Stale } from "../retention/stale.ts";

/** A condition in the status of an OrasCache. */
interface ToldCondition {
  readonly namespace: string;
  readonly type: string;
  readonly status: string;
}

/**
 * What metrics tell of all OrasCaches.
 *
 * @param caches - as stored, whenever they are asked for
 * @param now - milliseconds since 1970
 */
export function toldCaches(caches: () => Iterable<StoredOrasCache>, now: () => number) {
  const staleOf = createStaleness();
  return {
    conditions: (): ToldCondition[] =>
      [...caches()].flatMap(({ metadata, status }) =>
        (status?.conditions ?? []).map(({ type, status: value }) => ({
          namespace: metadata?.namespace ?? "",
          type,
          status: value,
        })),
      ),
    stale: (): Stale[] => staleOf(caches(), now()),
  };
}
