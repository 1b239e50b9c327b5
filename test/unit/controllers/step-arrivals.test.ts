import { expect, test, vi } from "vitest";
import { names } from "../../../schema/names.ts";
import { createStepArrivals, type StepArrivals } from "../../../src/controllers/step-arrivals.ts";
import type { StepPod } from "../../../src/controllers/step-pods.ts";

const step = (
  name: string,
  phase = "Running",
  labels: Record<string, string> = { [names.usesCacheLabel]: "oras" },
): StepPod => ({
  metadata: { name, namespace: "ns", labels },
  spec: { containers: [] },
  status: { phase },
});

/** Arrivals at a time that the test says, with a way to let a Pod appear or change. */
async function arrivalsOf(...pods: StepPod[]) {
  let tell: (key: string, now?: StepPod, before?: StepPod) => void = () => {};
  const store = { values: () => pods.values(), get: () => undefined };
  const reflector = {
    store,
    synced: Promise.resolve(),
    subscribe: (hear: typeof tell) => {
      tell = hear;
      return () => {};
    },
  };
  const time = { now: 0 };
  type Mirror = Parameters<typeof createStepArrivals>[0];
  const arrivals = createStepArrivals(reflector as unknown as Mirror, () => time.now);
  const add = vi.fn();
  arrivals.watch.start(add);
  return { arrivals, add, time, tell: (now: StepPod, before?: StepPod) => tell("", now, before) };
}

async function allOf<T>(found: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of found) all.push(one);
  return all;
}

/** Looks, and says whether a step waited for it. */
async function looked(arrivals: StepArrivals): Promise<boolean | undefined> {
  const looking = arrivals.looking("ns/oras", async function* (awaited) {
    yield awaited;
  });
  return (await allOf(looking))[0];
}

test("a step that comes has the login looked at once; the next one after a minute", async () => {
  const { arrivals, add, time, tell } = await arrivalsOf();
  expect(arrivals.lookInMs("ns/oras")).toBeUndefined();
  tell(step("a"));
  expect(add.mock.calls.map(([key]) => key)).toEqual(["ns/oras"]);
  expect(arrivals.lookInMs("ns/oras")).toBe(0);
  expect(await looked(arrivals)).toBe(true);
  expect(arrivals.lookInMs("ns/oras")).toBeUndefined();
  time.now = 20_000;
  tell(step("b"));
  expect(arrivals.lookInMs("ns/oras")).toBe(40_000);
  time.now = 60_000;
  expect(arrivals.lookInMs("ns/oras")).toBe(0);
  expect(arrivals.lookInMs("ns/other")).toBeUndefined();
});

test("steps that are there at the start count, those that have ended, change or use no cache do not", async () => {
  const { arrivals, add, tell } = await arrivalsOf(step("a"));
  expect(add).toHaveBeenCalledTimes(1);
  expect(await looked(arrivals)).toBe(true);
  tell(step("b", "Succeeded"));
  tell(step("a"), step("a", "Pending"));
  tell(step("c", "Running", {}));
  expect(arrivals.lookInMs("ns/oras")).toBeUndefined();
  expect(add).toHaveBeenCalledTimes(1);
});

test("a cache that is gone is forgotten", async () => {
  const { arrivals, tell } = await arrivalsOf();
  tell(step("a"));
  arrivals.forget("ns/oras");
  expect(arrivals.lookInMs("ns/oras")).toBeUndefined();
});

test("a step waits for another look where the first one failed, and is not forgotten for one that comes meanwhile", async () => {
  const { arrivals, tell } = await arrivalsOf(step("a"));
  const fails = arrivals.looking("ns/oras", async function* () {
    yield* [];
    throw new Error("the API server does not answer");
  });
  await expect(allOf(fails)).rejects.toThrow("does not answer");
  expect(arrivals.lookInMs("ns/oras")).toBe(0);
  const meanwhile = arrivals.looking("ns/oras", async function* () {
    tell(step("b"));
    yield* [];
  });
  await allOf(meanwhile);
  expect(arrivals.lookInMs("ns/oras")).toBe(60_000);
  expect(await looked(arrivals)).toBe(false);
});
