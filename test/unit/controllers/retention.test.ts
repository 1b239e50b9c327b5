import pino from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { names } from "../../../schema/names.ts";
import { selectorLabels } from "../../../src/cache/labels.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { createRetention, type RetentionSettings } from "../../../src/controllers/retention.ts";
import type { RetentionKeeper } from "../../../src/keeper/retention.ts";
import type { EventNote } from "../../../src/kube/events.ts";
import type { Manifest } from "../../../src/retention/facts.ts";

const start = Date.parse("2026-11-26T12:30:10Z");
const minute = 60_000;
const key = "ns/oras";

type Retention = NonNullable<StoredOrasCache["spec"]["retention"]>;

/** One cache whose registry has nothing, and a clock. */
function scene(retention: Partial<Retention> | undefined, over: Partial<StoredOrasCache> = {}) {
  const store = new Map<string, StoredOrasCache>();
  const set = (
    wanted: Partial<Retention> | undefined,
    more: Partial<StoredOrasCache> = over,
    keepFor = "",
  ) => {
    const defaults = { suspend: false, dryRun: false, keepInputs: true, untaggedAfter: "24h", grace: "1h" };
    store.set(key, {
      metadata: { name: "oras", namespace: "ns", uid: "uid", annotations: {} },
      spec: {
        deploy: true,
        suspend: false,
        drainSeconds: 60,
        ...(keepFor && { workflow: { memo: { keepFor } } }),
        ...(wanted && { retention: { ...defaults, ...wanted } }),
      },
      status: { conditions: [{ type: "Available", status: "True" }] },
      ...more,
    } as unknown as StoredOrasCache);
  };
  set(retention);
  let passes = 0;
  let fails = false;
  let manifests: Manifest[] = [];
  let registryTime: number | undefined;
  let meanwhile = () => {};
  let leads = true;
  const keeper: RetentionKeeper = {
    withInventory: async (make) => {
      if (fails) throw new Error("the keeper does not answer");
      return make({ manifests, pullsSince: undefined, time: registryTime });
    },
    isUnchanged: async () => {
      meanwhile();
      return true;
    },
    putPlan: async () => {},
    sweep: async () => {
      passes++;
      return true;
    },
    lastPass: async () => (passes === 0 ? "none" : { began: `${passes}`, freed: 10 }),
  };
  const pod = {
    metadata: { labels: selectorLabels("oras") },
    spec: { containers: [{ name: "registry" }, { name: "keeper" }] },
    status: { podIP: "127.0.0.1", conditions: [{ type: "Ready", status: "True" }] },
  };
  const request = async ({ path }: { path: string }) => ({ items: path.endsWith("/pods") ? [pod] : [] });
  const notes: EventNote[] = [];
  const counted: unknown[] = [];
  const settings = {
    client: { request, now: () => Date.now() },
    log: pino({ enabled: false }),
    caches: { store, synced: Promise.resolve(), subscribe: () => () => {} },
    publish: (_: unknown, note: EventNote) => notes.push(note),
    operatorKey: "secret",
    keeperOf: () => keeper,
    count: (_: unknown, deleted: unknown) => counted.push(deleted),
    forget: () => {},
    leads: () => leads,
    signal: new AbortController().signal,
  } as unknown as RetentionSettings;
  const { controller, outcomeOf } = createRetention(settings);
  return {
    look: () => controller.reconcile(key),
    set,
    remove: () => store.delete(key),
    replace: () => {
      leads = false;
    },
    fail: () => {
      fails = true;
    },
    /** It has a manifest that goes, and just before that something happens. */
    goesAfter: (happens: () => void) => {
      const pushed = "2026-01-01T00:00:00Z";
      manifests = [{ repository: "a", digest: `sha256:${"a".repeat(64)}`, pushed, tags: [], blobs: [] }];
      meanwhile = happens;
    },
    reasons: () => notes.map(({ reason }) => reason),
    outcome: () => outcomeOf(key),
    counted,
    notes,
    pod,
    /** The clock of the registry's node is apart from the API server's. */
    apart: (ms: number) => {
      registryTime = Date.now() + ms;
    },
  };
}

function annotated(annotations: Record<string, string>): Partial<StoredOrasCache> {
  return { metadata: { name: "oras", namespace: "ns", uid: "uid", annotations } };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: start }));
afterEach(() => void vi.useRealTimers());
const at = (time: number) => vi.setSystemTime(time);

describe("retention", () => {
  it("waits for its schedule, runs, and waits for the next time", async () => {
    const s = scene({ schedule: "17 * * * *" });
    expect(await s.look()).toBe(46 * minute + 50_000);
    at(start + 46 * minute);
    expect(await s.look()).toBe(50_000);
    expect(s.reasons()).toEqual([]);
    at(start + 46 * minute + 50_000);
    expect(await s.look()).toBe(60 * minute);
    expect(s.reasons()).toEqual(["Swept"]);
    expect(s.outcome()).toMatchObject({
      time: "2026-11-26T13:17:00Z",
      freedBytes: 10,
      verdict: { status: "True" },
    });
    expect(await s.look()).toBe(60 * minute);
  });

  it("has a minute of its own without a schedule", async () => {
    const wait = (await scene({}).look()) ?? 0;
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60 * minute);
  });

  const ran = (lastSweep: string) =>
    ({ status: { storage: { kind: "x", lastSweep } } }) as Partial<StoredOrasCache>;

  it("makes up for a time that another leader has missed, not for long", async () => {
    const s = scene({ schedule: "25 * * * *" }, ran("2026-11-26T11:25:03Z"));
    await s.look();
    expect(s.reasons()).toEqual(["Swept"]);
    const late = scene({ schedule: "15 * * * *" }, ran("2026-11-26T11:15:03Z"));
    expect(await late.look()).toBe(44 * minute + 50_000);
    const done = scene({ schedule: "25 * * * *" }, ran("2026-11-26T12:25:03Z"));
    expect(await done.look()).toBe(54 * minute + 50_000);
    expect([...late.reasons(), ...done.reasons()]).toEqual([]);
  });

  it.each<[string, Partial<Retention> | undefined, Partial<StoredOrasCache>]>([
    ["it is not wanted", undefined, {}],
    ["it is suspended", { suspend: true }, {}],
    ["the day never comes", { schedule: "0 0 30 2 *" }, {}],
    [
      "the cache is being deleted",
      {},
      { metadata: { name: "oras", namespace: "ns", uid: "u", deletionTimestamp: new Date() } },
    ],
  ])("does nothing where %s", async (_, retention, over) => {
    const s = scene(retention, over);
    expect(await s.look()).toBeUndefined();
    expect(s.reasons()).toEqual([]);
  });

  it("shows a dry run at once, and again when it changes", async () => {
    const s = scene({ schedule: "17 * * * *", dryRun: true });
    expect(await s.look()).toBe(46 * minute + 50_000);
    expect(s.reasons()).toEqual(["RetentionPlanned"]);
    await s.look();
    s.set({ schedule: "17 * * * *", dryRun: true, keepInputs: false });
    await s.look();
    expect(s.reasons()).toEqual(["RetentionPlanned", "RetentionPlanned"]);
    s.set({ schedule: "17 * * * *", dryRun: false });
    expect(await s.look()).toBe(46 * minute + 50_000);
    expect(s.reasons()).toHaveLength(2);
    expect(s.counted).toEqual([]);
  });

  it("waits with a dry run for the registry", async () => {
    const s = scene({ schedule: "17 * * * *", dryRun: true }, { status: { conditions: [] } });
    expect(await s.look()).toBe(46 * minute + 50_000);
    expect(s.reasons()).toEqual([]);
  });

  it("says why it failed, and goes on at the next time", async () => {
    const s = scene({ schedule: "31 * * * *" });
    s.fail();
    await s.look();
    at(start + minute);
    expect(await s.look()).toBe(60 * minute - 10_000);
    expect(s.reasons()).toEqual(["SweepFailed"]);
    expect(s.counted).toEqual(["failed"]);
    expect(s.outcome()).toEqual({
      verdict: { status: "False", reason: "SweepFailed", message: "the keeper does not answer" },
    });
  });

  it.each<[string, (s: ReturnType<typeof scene>) => void, string]>([
    ["no Pod that is ready", (s) => s.pod.status.conditions.pop(), "no Pod of the registry is ready"],
    ["no keeper", (s) => s.pod.spec.containers.pop(), "has no keeper"],
    [
      "another storage, perhaps",
      (s) =>
        s.set({ schedule: "31 * * * *" }, {
          spec: {
            ...{ deploy: true, suspend: false, drainSeconds: 60, secrets: { orasEnv: "s3" } },
            retention: {
              schedule: "31 * * * *",
              suspend: false,
              dryRun: false,
              keepInputs: true,
              untaggedAfter: "24h",
              grace: "1h",
            },
          },
        } as unknown as Partial<StoredOrasCache>),
      "spec.storage",
    ],
    [
      "an annotation keep with mistakes",
      (s) =>
        s.set({ schedule: "31 * * * *" }, {
          metadata: {
            name: "oras",
            namespace: "ns",
            uid: "uid",
            annotations: { [names.keepAnnotation]: "A b:c" },
          },
        } as Partial<StoredOrasCache>),
      'has "A"; allowed are',
    ],
  ])("says so where there is %s", async (_, change, words) => {
    const s = scene({ schedule: "31 * * * *" });
    change(s);
    await s.look();
    at(start + minute);
    await s.look();
    expect(s.outcome()?.verdict).toMatchObject({ status: "False", message: expect.stringContaining(words) });
  });

  it("goes on by the hour after a clock that was far ahead, whoever leads", async () => {
    const s = scene({ schedule: "17 * * * *" }, ran("2027-01-25T12:17:03Z"));
    expect(await s.look()).toBe(46 * minute + 50_000);
    at(start + 60 * 24 * 60 * minute);
    await s.look();
    at(start);
    expect(await s.look()).toBe(46 * minute + 50_000);
  });

  it.each([
    ["ahead of", 60 * 24 * 60 * minute, "60d"],
    ["behind", -24 * 60 * minute, "1d"],
  ])("deletes nothing where the registry's clock is far %s the API server's", async (how, ms, length) => {
    const s = scene({ schedule });
    s.goesAfter(() => {
      throw new Error("it was asked whether a deletion may be done");
    });
    await s.look();
    at(start + minute);
    s.apart(ms);
    await s.look();
    const message = expect.stringContaining(`is ${length} ${how} that of the API server`);
    expect(s.outcome()?.verdict).toMatchObject({ status: "False", message });
  });

  const schedule = "31 * * * *";
  it.each<[string, (s: ReturnType<typeof scene>) => void]>([
    ["suspended", (s) => s.set({ schedule, suspend: true })],
    ["turned into a dry run", (s) => s.set({ schedule, dryRun: true })],
    ["taken away", (s) => s.set(undefined)],
    ["told to keep something", (s) => s.set({ schedule }, annotated({ [names.keepAnnotation]: "a" }))],
    ["told to keep results of steps for longer", (s) => s.set({ schedule }, {}, "720h")],
    ["deleted with its cache", (s) => s.remove()],
  ])("ends before the next deletion when it is %s", async (_, change) => {
    const s = scene({ schedule });
    s.goesAfter(() => change(s));
    await s.look();
    at(start + minute);
    await s.look();
    expect(s.reasons()).toEqual(["SweepFailed"]);
    expect(s.notes[0]?.note).toMatch(/^the OrasCache was changed or deleted while/);
  });

  it("ends before the next deletion, without a word, when another replica leads", async () => {
    const s = scene({ schedule });
    s.goesAfter(s.replace);
    await s.look();
    at(start + minute);
    await s.look();
    expect(s.reasons()).toEqual([]);
    expect(s.counted).toEqual([]);
  });

  it("goes on when something else of the cache changes", async () => {
    const s = scene({ schedule });
    s.goesAfter(() => s.set({ schedule }, { ...annotated({ other: "x" }), status: { conditions: [] } }));
    await s.look();
    at(start + minute);
    await s.look();
    expect(s.notes[0]?.note).not.toContain("was changed");
  });

  it("forgets a cache that is gone", async () => {
    const s = scene({ schedule: "31 * * * *" });
    await s.look();
    at(start + minute);
    await s.look();
    s.remove();
    expect(await s.look()).toBeUndefined();
    expect(s.outcome()).toBeUndefined();
  });
});
