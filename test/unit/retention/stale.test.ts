import fc from "fast-check";
import { expect, test } from "vitest";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { nextTime, parseSchedule } from "../../../src/retention/schedule.ts";
import { createStaleness } from "../../../src/retention/stale.ts";

interface Made {
  readonly schedule?: string;
  readonly lastSweep?: string;
  readonly suspend?: boolean;
}

function cache({ schedule = "0 * * * *", lastSweep, suspend = false }: Made = {}): StoredOrasCache {
  return {
    metadata: { uid: "u", namespace: "a", name: "oras", creationTimestamp: "2026-11-26T10:30:00Z" },
    spec: { deploy: true, suspend: false, retention: { schedule, suspend } },
    status: { storage: { ...(lastSweep && { lastSweep }) } },
  } as unknown as StoredOrasCache;
}

const at = (staleness: ReturnType<typeof createStaleness>, one: StoredOrasCache, now: string) =>
  staleness([one], Date.parse(now)).map((stale) => new Date(stale.at).toISOString().slice(0, 16))[0];

test("three times of the schedule without a success are too many, also before the first", () => {
  const staleness = createStaleness();
  expect(at(staleness, cache(), "2026-11-26T10:31:00Z")).toBe("2026-11-26T13:00");
  const swept = cache({ lastSweep: "2026-11-26T12:00:03Z" });
  expect(at(staleness, swept, "2026-11-26T12:01:00Z")).toBe("2026-11-26T15:00");
  expect(at(staleness, swept, "2026-11-27T12:01:00Z")).toBe("2026-11-26T15:00");
});

test("what is not to be done is never overdue, and afterwards it counts from then on", () => {
  const staleness = createStaleness();
  const long = { lastSweep: "2026-10-01T00:00:00Z" };
  expect(at(staleness, cache({ ...long, suspend: true }), "2026-11-26T12:00:00Z")).toBeUndefined();
  expect(at(staleness, cache(long), "2026-11-26T12:10:00Z")).toBe("2026-11-26T15:00");
  const nightly = cache({ ...long, schedule: "0 2 * * *" });
  expect(at(staleness, nightly, "2026-11-26T12:20:00Z")).toBe("2026-11-29T02:00");
  expect(at(createStaleness(), cache({ ...long, schedule: "0 0 31 2 *" }), "2026-11-26T12:00:00Z")).toBe(
    undefined,
  );
});

test("a cache that succeeds each time is never overdue", () => {
  const schedules = fc.constantFrom("*/5 * * * *", "17 * * * *", "30 1 * * 1-5", "0 0 1 * *");
  fc.assert(
    fc.property(schedules, fc.integer({ min: 0, max: 2e12 }), (schedule, after) => {
      const due = nextTime(parseSchedule(schedule), after) ?? 0;
      const swept = cache({ schedule, lastSweep: new Date(due).toISOString() });
      const [stale] = createStaleness()([swept], due);
      expect(stale?.at).toBeGreaterThan(nextTime(parseSchedule(schedule), due) ?? 0);
    }),
  );
});
