import { isDeepStrictEqual } from "node:util";
import type { OrasCacheStatus, StoredOrasCache } from "../cache/types.ts";
import { keyOf } from "../kube/objects.ts";

/** What this process has written into the status of each cache, which its mirror hears of later. */
export interface WrittenStatuses {
  /**
   * A cache with the status that it has by now.
   *
   * @param seen - as the mirror has it: from before the last write, perhaps. Decided from that, a step would be done again, and
   *   told of again
   */
  readonly latest: (seen: StoredOrasCache) => StoredOrasCache;
  /**
   * Writes a status.
   *
   * @param seen - as `latest` gave it
   * @param status - all of it
   * @param write - does it; false where the cache was changed or gone meanwhile
   */
  readonly write: (
    seen: StoredOrasCache,
    status: OrasCacheStatus,
    write: () => Promise<boolean>,
  ) => Promise<void>;
  /** Whether a change of a cache is only the last write. */
  readonly isOwn: (now: StoredOrasCache, before: StoredOrasCache) => boolean;
  readonly forget: (key: string) => void;
}

/** Remembers the last write of each cache. */
export function createWrittenStatuses(): WrittenStatuses {
  const last = new Map<string, { status: OrasCacheStatus; over?: string | undefined }>();
  return {
    latest: (seen) => {
      const { status, over } = last.get(keyOf(seen)) ?? {};
      const isBefore = over !== undefined && over === seen.metadata?.resourceVersion;
      return isBefore ? ({ ...seen, status } as StoredOrasCache) : seen;
    },
    write: async (seen, status, write) => {
      const key = keyOf(seen);
      // The watch may tell of it before the answer comes.
      last.set(key, { status });
      if (await write()) last.set(key, { status, over: seen.metadata?.resourceVersion });
    },
    isOwn: (now, before) =>
      now.metadata?.generation === before.metadata?.generation &&
      now.metadata?.deletionTimestamp === before.metadata?.deletionTimestamp &&
      !isDeepStrictEqual(now.status, before.status) &&
      isDeepStrictEqual(now.status, last.get(keyOf(now))?.status),
    forget: (key) => void last.delete(key),
  };
}
