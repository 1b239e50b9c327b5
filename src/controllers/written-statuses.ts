import { isDeepStrictEqual } from "node:util";
import type { OrasCacheStatus, StoredOrasCache } from "../cache/types.ts";
import { keyOf } from "../kube/objects.ts";

/** What this process has written into the status of each cache, which its mirror hears of later. */
export interface WrittenStatuses {
  /**
   * A cache with the status that it has by now. Decided from one of before, a step would be done again, and told of again.
   *
   * @param seen - as the mirror has it: from before the last write, perhaps
   */
  readonly latest: (seen: StoredOrasCache) => StoredOrasCache;
  /**
   * Writes a status.
   *
   * @param seen - whose
   * @param status - all of it
   * @param write - does it; gives the cache's `resourceVersion` of then, or undefined where it was changed or gone meanwhile
   */
  readonly write: (
    seen: StoredOrasCache,
    status: OrasCacheStatus,
    write: () => Promise<string | undefined>,
  ) => Promise<void>;
  /** Whether a change of a cache is only the last write. */
  readonly isOwn: (now: StoredOrasCache, before: StoredOrasCache) => boolean;
  readonly forget: (key: string) => void;
}

/** A status that the API server has taken. */
interface Taken {
  readonly status: OrasCacheStatus;
  readonly uid: string | undefined;
  readonly version: string;
  readonly at: number;
}

/** Longer than a watch is behind. A server that was restored from a backup counts its versions from an earlier one. */
const longestMs = 60_000;

/**
 * Remembers the last write of each cache.
 *
 * @param now - milliseconds
 */
export function createWrittenStatuses(now: () => number = () => performance.now()): WrittenStatuses {
  const last = new Map<string, { asked: OrasCacheStatus; taken?: Taken | undefined }>();
  return {
    latest: (seen) => {
      const taken = last.get(keyOf(seen))?.taken;
      const isBehind =
        taken !== undefined &&
        taken.uid === seen.metadata?.uid &&
        now() - taken.at < longestMs &&
        isBefore(seen.metadata?.resourceVersion, taken.version);
      if (!isBehind) return seen;
      // What memoization has forgotten is written as it happens.
      const { memo: _, ...status } = taken.status;
      const memo = seen.status?.memo && { memo: seen.status.memo };
      return { ...seen, status: { ...status, ...memo } } as StoredOrasCache;
    },
    write: async (seen, asked, write) => {
      const key = keyOf(seen);
      // The watch may tell of it before the answer comes.
      last.set(key, { asked, taken: last.get(key)?.taken });
      const version = await write();
      if (version === undefined) return;
      last.set(key, { asked, taken: { status: asked, uid: seen.metadata?.uid, version, at: now() } });
    },
    isOwn: (now, before) =>
      now.metadata?.generation === before.metadata?.generation &&
      now.metadata?.deletionTimestamp === before.metadata?.deletionTimestamp &&
      !isDeepStrictEqual(now.status, before.status) &&
      isDeepStrictEqual(now.status, last.get(keyOf(now))?.asked),
    forget: (key) => void last.delete(key),
  };
}

/** Versions of one kind are numbers that grow (KEP-5504); etcd's have always been. */
function isBefore(version: string | undefined, other: string): boolean {
  const are = [version, other].every((one) => one !== undefined && /^\d+$/.test(one));
  return are && BigInt(version ?? 0) < BigInt(other);
}
