import type { StoredOrasCache } from "../cache/types.ts";
import { nextTime, ownSchedule, parseSchedule } from "./schedule.ts";

/** After how many times of its schedule without a success somebody should look. */
const missed = 3;

/** When a cache should have been looked after for so many times. */
export interface Stale {
  readonly namespace: string;
  readonly name: string;
  /** In milliseconds. */
  readonly at: number;
}

/**
 * Makes what finds out from when on a pass of retention is overdue. Where a schedule was changed or no longer suspended, it
 * counts from when that was seen, not from a last success under other rules.
 *
 * @returns asked with all caches, and when it is
 */
export function createStaleness(): (caches: Iterable<StoredOrasCache>, now: number) => Stale[] {
  let known = new Map<string, { readonly schedule: string | undefined; readonly since: number }>();
  return (caches, now) => {
    const before = known;
    known = new Map();
    return [...caches].flatMap((cache) => {
      const { uid = "", namespace = "", name = "" } = cache.metadata ?? {};
      const schedule = scheduleOf(cache);
      const seen = before.get(uid);
      const since = seen === undefined ? 0 : seen.schedule === schedule ? seen.since : now;
      known.set(uid, { schedule, since });
      const at = schedule && overdueAt(schedule, Math.max(since, lastTime(cache)));
      return at ? [{ namespace, name, at }] : [];
    });
  };
}

/** The schedule of a cache; undefined where nothing is to be done. */
function scheduleOf({ metadata, spec }: StoredOrasCache): string | undefined {
  const { retention, suspend, deploy } = spec;
  if (retention === undefined || retention.suspend || suspend || !deploy) return undefined;
  return retention.schedule ?? ownSchedule(metadata?.uid ?? "");
}

/** When a pass last succeeded, or could have for the first time. */
function lastTime({ metadata, status }: StoredOrasCache): number {
  const created = metadata?.creationTimestamp;
  return Date.parse(status?.storage?.lastSweep ?? "") || (created ? new Date(created).getTime() : 0);
}

function overdueAt(schedule: string, after: number): number | undefined {
  const parsed = parseSchedule(schedule);
  let at: number | undefined = after;
  for (let i = 0; i < missed && at !== undefined; i++) at = nextTime(parsed, at);
  return at;
}
