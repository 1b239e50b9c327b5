import type { V1Pod } from "@kubernetes/client-node";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { cacheKey, keeperToken } from "../../../src/cache/access.ts";
import type { KeeperFault } from "../../../src/cache/keeper-fault.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import type { Usage } from "../../../src/cache/usage.ts";
import { type AskReport, createReports, reportedTrouble } from "../../../src/controllers/reports.ts";
import { storedCache } from "../../support/cache.ts";

const usage: Usage = { room: { capacity: 100, used: 40, free: 60 }, artifacts: 3, bytes: 20 };
const report = { report: { usage, served: undefined, users: undefined } };
const fault: KeeperFault = { kind: "refused", detail: "connect ECONNREFUSED" };
const pod = (uid: string, restartCount = 0): V1Pod => ({
  metadata: { name: "oras-0", uid },
  spec: { containers: [{ name: "registry" }, { name: "keeper" }] },
  status: {
    podIP: "10.0.0.1",
    conditions: [{ type: "Ready", status: "True" }],
    containerStatuses: [{ name: "keeper", restartCount, image: "", imageID: "", ready: true }],
  },
});
const cache = storedCache();
const known: StoredOrasCache = {
  ...cache,
  status: { conditions: [], storage: { kind: "emptyDir", used: "20" } },
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  onTestFinished(() => void vi.useRealTimers());
});
const passes = (ms: number) => vi.advanceTimersByTime(ms);

/** Reports, and a promise of the next cache whose keeper has answered. */
function reportsBy(ask: AskReport) {
  const observe = vi.fn();
  const reports = createReports("secret", ask, observe, Date.now);
  let told = Promise.withResolvers<string>();
  reports.watch.start((key) => told.resolve(key));
  return {
    ...reports,
    observe,
    told: async () => {
      const key = await told.promise;
      told = Promise.withResolvers();
      return key;
    },
  };
}

describe("a keeper", () => {
  test("is asked a moment after its start, by its token, and then seldom", async () => {
    const ask = vi.fn(async () => report);
    const { of, told, observe, forget } = reportsBy(ask);
    const first = of("a/oras", cache, [pod("one")]);
    expect(first.againInMs).toBeLessThanOrEqual(1_000);
    expect(ask).not.toHaveBeenCalled();
    passes(1_000);
    expect(of("a/oras", cache, [pod("one")])).toEqual({ way: { reach: undefined } });
    expect(await told()).toBe("a/oras");
    const token = keeperToken(cacheKey("secret", { name: "oras", namespace: "work" }));
    expect(ask).toHaveBeenCalledExactlyOnceWith({ host: "10.0.0.1:5002" }, token, "oras-memo");
    const second = of("a/oras", cache, [pod("one")]);
    expect(second.usage).toEqual(usage);
    expect(second.againInMs).toBeGreaterThanOrEqual(270_000);
    expect(second.againInMs).toBeLessThanOrEqual(330_000);
    expect(ask).toHaveBeenCalledTimes(1);
    forget("a/oras");
    const name = { namespace: "a", name: "oras" };
    expect(observe.mock.calls).toEqual([
      [name, usage],
      [name, undefined],
    ]);
  });

  test("that is started again, or another one, is asked again", async () => {
    const ask = vi.fn(async () => report);
    const { of, told } = reportsBy(ask);
    for (const each of [pod("one"), pod("one", 1), pod("two")]) {
      expect(of("a/oras", cache, [each]).usage).toBeUndefined();
      passes(1_000);
      of("a/oras", cache, [each]);
      await told();
    }
    expect(ask).toHaveBeenCalledTimes(3);
  });

  test("that does not answer is asked again, and what it said before holds", async () => {
    const ask = vi.fn<AskReport>().mockResolvedValueOnce(report).mockResolvedValue({ fault });
    const { of, told } = reportsBy(ask);
    of("a/oras", cache, [pod("one")]);
    passes(1_000);
    of("a/oras", cache, [pod("one")]);
    await told();
    passes(330_000);
    of("a/oras", cache, [pod("one")]);
    await told();
    expect(of("a/oras", cache, [pod("one")])).toEqual({
      ...{ usage, againInMs: 60_000 },
      way: { reach: "answers", last: fault },
    });
    passes(60_000);
    of("a/oras", cache, [pod("one")]);
    await told();
    expect(of("a/oras", cache, [pod("one")])).toMatchObject({ usage, way: { reach: fault } });
    expect(of("a/oras", cache, [{ ...pod("one"), status: { podIP: "10.0.0.1" } }])).toEqual({});
    expect(of("a/oras", cache, [pod("two")]).way).toEqual({ reach: undefined });
  });

  test.each<[string, V1Pod]>([
    ["is not ready", { ...pod("a"), status: { podIP: "10.0.0.1" } }],
    ["has no address", { ...pod("a"), status: { conditions: [{ type: "Ready", status: "True" }] } }],
    ["has none, being of an earlier version", { ...pod("a"), spec: { containers: [{ name: "registry" }] } }],
  ])("of a Pod that %s is not asked", (_, unasked) => {
    expect(reportsBy(vi.fn()).of("a/oras", cache, [unasked])).toEqual({});
  });
});

describe("many keepers", () => {
  test("are asked a few at a time", async () => {
    let [running, most, done] = [0, 0, 0];
    const all = Promise.withResolvers<void>();
    const { of } = createReports(
      "secret",
      async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        if (++done === 100) all.resolve();
        return report;
      },
      vi.fn(),
      Date.now,
    );
    const keys = Array.from({ length: 100 }, (_, i) => `${i % 5}/${i}`);
    for (const key of keys) of(key, cache, [pod("one")]);
    passes(1_000);
    for (const key of keys) of(key, cache, [pod("one")]);
    await all.promise;
    expect(most).toBe(8);
  });

  test("of other namespaces are asked while those of one hang", async () => {
    const stuck = storedCache({}, { namespace: "stuck" });
    const { of, told } = reportsBy((_, token) => {
      const hangs = token === keeperToken(cacheKey("secret", { name: "oras", namespace: "stuck" }));
      return hangs ? new Promise(() => {}) : Promise.resolve(report);
    });
    const look = () => {
      for (let i = 0; i < 100; i++) of(`stuck/${i}`, stuck, [pod("one")]);
      return of("work/oras", cache, [pod("one")]);
    };
    look();
    passes(1_000);
    look();
    expect(await told()).toBe("work/oras");
    expect(look().usage).toEqual(usage);
  });

  test("that were known to the leader before are asked in turn", () => {
    const { of } = createReports("secret", vi.fn(), vi.fn(), Date.now);
    const waits = Array.from({ length: 100 }, (_, i) => of(`a/${i}`, known, [pod("one")]).againInMs ?? 0);
    expect(waits.every((wait) => wait <= 300_000)).toBe(true);
    expect(waits.filter((wait) => wait > 10_000).length).toBeGreaterThan(50);
  });
});

test("a volume that cannot be written is told", () => {
  expect(reportedTrouble(undefined)).toBeUndefined();
  expect(reportedTrouble(usage)).toBeUndefined();
  expect(reportedTrouble({ ...usage, notWritable: "user 1 cannot" })).toMatchObject({
    reason: "VolumeNotWritable",
    message: expect.stringContaining("user 1 cannot"),
  });
});
