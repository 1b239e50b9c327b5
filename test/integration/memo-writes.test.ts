import type { V1Job, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { pino } from "pino";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { createBatches } from "../../src/controllers/batches.ts";
import { gateControllers } from "../../src/controllers/gates.ts";
import { createHeads } from "../../src/controllers/heads.ts";
import { createMemoGate } from "../../src/controllers/memo.ts";
import { keysOf } from "../../src/controllers/memo-keys.ts";
import { createPushes } from "../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../src/controllers/step-jobs.ts";
import { keepStep, type StepPod } from "../../src/controllers/step-pods.ts";
import { createWaiters } from "../../src/controllers/waiters.ts";
import { createWorkflowSteps } from "../../src/controllers/workflow-steps.ts";
import { recordedInjection } from "../../src/injection/marker.ts";
import { originalOf } from "../../src/injection/original.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import type { Memos } from "../../src/memo/memos.ts";
import { jobOf, keyOf, podOf } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { digest } from "../support/keys.ts";
import { minor } from "../support/kubernetes-version.ts";
import { memoCache, memosOf, type Pusher, pusherTo } from "../support/memo.ts";
import { mirrorOf } from "../support/mirrors.ts";
import { type ObjectsIn, objectsIn } from "../support/objects-in.ts";
import { created } from "../support/patched.ts";
import { startRegistry } from "../support/registry.ts";

const it = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("registry", { scope: "file" }, async ({}, { onCleanup }) => {
    const registry = await startRegistry();
    onCleanup(registry.stop);
    return registry;
  })
  .extend("world", async ({ shared, registry, task }) => {
    const namespace = `memo-${task.id.replaceAll(/[^a-z0-9]/g, "")}`;
    return worldOf(shared, await objectsIn(shared, namespace), registry, namespace);
  });

const quiet = { log: pino({ enabled: false }), follow: () => {}, observeWait: () => {} };

function worldOf(
  real: KubeClient,
  ns: ObjectsIn,
  registry: { host: string; url: string },
  namespace: string,
) {
  const caches = new Map([[`${namespace}/oras`, memoCache(namespace, "oras")]]);
  const memos = memosOf(registry.host, caches);
  const pusher: Pusher = pusherTo(registry.url);
  const events: string[] = [];
  /** A leader, which sees the Jobs as they are when it begins. */
  const leader = async (over: Partial<Memos> = {}, opens: (path: string) => boolean = () => false) => {
    let completed = false;
    /** It ends before what is to be written after its indexes are complete. */
    const client: KubeClient = {
      ...real,
      request: (options) => {
        if (completed && options.method === "PATCH" && opens(options.path))
          return Promise.reject(new Error("the process ends"));
        completed ||= JSON.stringify(options.body ?? {}).includes("completedIndexes");
        return real.request(options);
      },
    };
    const { items } = await real.request<{ items: StepJob[] }>({
      path: `/apis/batch/v1/namespaces/${namespace}/jobs`,
    });
    const jobs = mirrorOf(
      items.map((job) => keepJob({ apiVersion: "batch/v1", kind: "Job", ...job } as StepJob)),
    );
    const there = await real.request<{ items: StepPod[] }>({
      path: `/api/v1/namespaces/${namespace}/pods`,
    });
    const pods = mirrorOf(
      there.items.map((pod) =>
        keepStep(
          { apiVersion: "v1", kind: "Pod", ...pod } as StepPod,
          pod.spec && recordedInjection(pod.spec),
        ),
      ),
    );
    const steps = createWorkflowSteps(jobs, pods, createPushes());
    const heads = createHeads({ ask: () => Promise.resolve({ missing: true }) }, () => undefined);
    const memoized = {
      ...{ client, jobs, pods, steps, originalOf, minor, log: quiet.log },
      caches: { store: caches },
      memos: { ...memos, ...over },
      filesOf: () => Promise.resolve([]),
      digestsOf: () => Promise.resolve([digest("b")]),
      leftMs: () => 10_000,
    };
    const controllers = gateControllers({
      ...{ ...quiet, client, jobs, pods, steps, heads, memo: createMemoGate(memoized) },
      publish: ({ metadata }, { reason, note }) => void events.push(`${metadata?.name} ${reason} ${note}`),
      batches: createBatches({ jobs, pods, steps, client }),
      waiters: createWaiters({ jobs, pods, steps, heads, client }),
    });
    return {
      look: (name: string) => controllers[0]?.reconcile(`${namespace}/${name}`),
      lookAtPod: (name: string) => controllers[1]?.reconcile(`${namespace}/${name}`),
      keyed: async (name: string) => {
        const step = steps.job(`${namespace}/${name}`) ?? steps.pod(`${namespace}/${name}`);
        const keys = step && (await keysOf(memoized, step, []));
        if (keys?.kind !== "keyed") throw new Error(JSON.stringify(keys));
        return keys.keyed;
      },
    };
  };
  const make = (name: string, more = {}, spec: object = {}, pod: Partial<V1PodSpec> = {}) => {
    const annotations = { "output-uri": `of/${name}:v1`, memoize: "on", ...more };
    const job = created(jobOf(name, annotations, "make it", spec, pod) as V1Job & { kind: string });
    return ns.create(resources.jobs, job as KubeObject);
  };
  /** A step that waits, and a result for it that another one has made. */
  const makeKnown = async (name: string, isPod = false) => {
    if (isPod) {
      const pod = created(podOf(name, { "output-uri": `of/${name}:v1`, memoize: "on" }, "make it"));
      await ns.create(resources.pods, pod as KubeObject);
    } else await make(name);
    const output = await pusher.push("results/one", "v1", name);
    const [unit] = (await (await leader()).keyed(name)).units;
    const by = { kind: "Job", name: "first", uid: "u", pod: "first-x" };
    await memos.write(`${namespace}/oras`, {
      key: unit?.key.key ?? "",
      parts: unit?.key.text ?? "",
      output,
      by,
      tag: "v1",
    });
    return output.digest;
  };
  /** An Indexed Job that waits, and results for some of its indexes. */
  const makePartly = async (
    name: string,
    known: readonly number[],
    spec: object = {},
    pod: Partial<V1PodSpec> = {},
  ) => {
    const indexed = { completionMode: "Indexed", completions: 6, parallelism: 2, ...spec };
    await make(name, { "output-uri": `of/${name}:$(JOB_COMPLETION_INDEX)` }, indexed, pod);
    await remember(name, known);
  };
  const remember = async (name: string, known: readonly number[]) => {
    const { units } = await (await leader()).keyed(name);
    for (const { key, output, index } of units) {
      if (!known.includes(index ?? 0)) continue;
      const pushed = await pusher.push(`results/${name}`, output.tag, output.tag);
      const by = { kind: "Job", name: "first", uid: "u", pod: `first-${index}` };
      await memos.write(`${namespace}/oras`, {
        ...{ key: key.key, parts: key.text, output: pushed, by, tag: output.tag },
      });
    }
  };
  return {
    ...{ ns, leader, make, makeKnown, makePartly, remember, memos, events, pusher },
    pod: async (name: string) => (await ns.read<V1Pod>(resources.pods, name)) as V1Pod,
    job: async (name: string) => (await ns.read<V1Job>(resources.jobs, name)) as V1Job,
    resume: (name: string) => ns.patch(resources.jobs, name, { spec: { suspend: false } }),
  };
}

type World = ReturnType<typeof worldOf>;

const conditionsOf = ({ status }: V1Job) =>
  Object.fromEntries(
    (status?.conditions ?? []).map(({ type, status: value, reason }) => [type, `${value} ${reason}`]),
  );

async function expectTaken({ job, pusher }: World, name: string, result: string): Promise<void> {
  const ended = await job(name);
  expect(conditionsOf(ended)).toMatchObject({
    SuccessCriteriaMet: "True Memoized",
    Suspended: "False Memoized",
  });
  expect(ended.status).toMatchObject({ succeeded: 1 });
  expect(ended.metadata?.labels).toMatchObject({
    [names.memoizedLabel]: "true",
    [names.waitingLabel]: "false",
  });
  expect(ended.metadata?.annotations?.[names.memoizedFromAnnotation]).toMatch(/^Job\/first Pod\/first-x 2/);
  expect(ended.metadata?.annotations?.[names.memoClaimAnnotation]).toBeUndefined();
  expect(await pusher.digest(`of/${name}`, "v1")).toBe(result);
}

async function expectRuns({ job }: World, name: string): Promise<void> {
  const running = await job(name);
  expect(running.spec?.suspend).toBe(false);
  expect(conditionsOf(running)["SuccessCriteriaMet"]).toBeUndefined();
  expect(running.metadata?.labels?.[names.waitingLabel]).toBe("false");
  expect(running.metadata?.annotations?.[names.memoClaimAnnotation]).toBeUndefined();
}

// Before, no Job can be ended so.
/** Somebody resumes a Job by hand before the claim, after it, or after all of its tags. */
function resumedAt(world: World, name: string, when: string, tags: number): Partial<Memos> {
  let written = 0;
  return {
    tagged: async (...asked) => {
      if (when === "before the claim") await world.resume(name);
      return world.memos.tagged(...asked);
    },
    retag: async (...asked) => {
      if (when === "after the claim") await world.resume(name);
      const result = await world.memos.retag(...asked);
      if (when === "after the tags" && ++written === tags) await world.resume(name);
      return result;
    },
  };
}

describe.skipIf(minor < 31)("a step whose result is there", () => {
  const looks = async (world: World, name: string) => {
    for (let i = 0; i < 3; i++) await (await world.leader()).look(name);
  };

  it("gets it in three writes, and ends without a Pod", async ({ world }) => {
    const result = await world.makeKnown("one");
    await looks(world, "one");
    await expectTaken(world, "one", result);
    expect(world.events.filter((event) => event.startsWith("one Memoized"))).toHaveLength(1);
  });

  it("is a Pod that ends behind its gate", async ({ world }) => {
    const result = await world.makeKnown("pod", true);
    for (let i = 0; i < 3; i++) await (await world.leader()).lookAtPod("pod");
    const { metadata, status } = await world.pod("pod");
    expect(status).toMatchObject({ phase: "Succeeded", reason: "Memoized" });
    const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
    expect(scheduled).toMatchObject({ status: "False", reason: "Memoized" });
    expect(metadata?.labels).toMatchObject({ [names.memoizedLabel]: "true", [names.waitingLabel]: "false" });
    expect(await world.pusher.digest("of/pod", "v1")).toBe(result);
  });

  it("ends with all indexes of its Job", async ({ world }) => {
    await world.make(
      "all",
      { "output-uri": "of/all:$(JOB_COMPLETION_INDEX)" },
      { completionMode: "Indexed", completions: 3 },
    );
    const cacheKey = [...(await (await world.leader()).keyed("all")).units];
    for (const { key, output } of cacheKey) {
      const pushed = await world.pusher.push("results/all", output.tag, output.tag);
      const by = { kind: "Job", name: "first", uid: "u" };
      await world.memos.write(`${(await world.job("all")).metadata?.namespace}/oras`, {
        ...{ key: key.key, parts: key.text, output: pushed, by, tag: output.tag },
      });
    }
    await looks(world, "all");
    expect((await world.job("all")).status).toMatchObject({ succeeded: 3, completedIndexes: "0-2" });
    expect(await world.pusher.digest("of/all", "2")).toBeDefined();
  });

  it.for(["before the claim", "after the claim", "after the tags"])(
    "runs where somebody resumes it %s",
    async (when, { world }) => {
      await world.makeKnown("one");
      await (await world.leader(resumedAt(world, "one", when, 1))).look("one");
      await looks(world, "one");
      await expectRuns(world, "one");
    },
  );

  it.for(["after the claim", "after the tag", "after the end"])(
    "gets it from the next leader where one ends %s",
    async (when, { world }) => {
      const result = await world.makeKnown("one");
      const over: Partial<Memos> = {
        retag: async (...asked) => {
          if (when === "after the claim") throw new Error("the process ends");
          const done = await world.memos.retag(...asked);
          if (when === "after the tag") throw new Error("the process ends");
          return done;
        },
      };
      const look = (await world.leader(over)).look("one");
      if (when === "after the end") await look;
      else await expect(look).rejects.toThrow("the process ends");
      await looks(world, "one");
      await expectTaken(world, "one", result);
    },
  );

  it("gets it once from two leaders", async ({ world }) => {
    const result = await world.makeKnown("one");
    const [a, b] = [await world.leader(), await world.leader()];
    await Promise.all([a.look("one"), b.look("one")]);
    await looks(world, "one");
    await expectTaken(world, "one", result);
  });

  it("leaves a tag alone that somebody has pushed since the claim, and runs", async ({ world }) => {
    await world.makeKnown("one");
    const other = { digest: "" };
    const over: Partial<Memos> = {
      retag: async (...asked) => {
        other.digest ||= (await world.pusher.push("of/one", "v1", "by hand")).digest;
        return world.memos.retag(...asked);
      },
    };
    for (let i = 0; i < 3; i++) await (await world.leader(over)).look("one");
    await expectRuns(world, "one");
    const key = (await world.job("one")).metadata?.annotations?.[names.memoKeyAnnotation];
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(await world.pusher.digest("of/one", "v1")).toBe(other.digest);
  });
});

describe.skipIf(minor < 31)("an Indexed Job of which some indexes have results", () => {
  const looks = async (world: World, name: string) => {
    for (let i = 0; i < 3; i++) await (await world.leader()).look(name);
  };
  const expectPart = async ({ job, pusher }: World, name: string) => {
    const opened = await job(name);
    expect(opened.spec?.suspend).toBe(false);
    expect(opened.status).toMatchObject({ succeeded: 4, completedIndexes: "0,2-4" });
    expect(conditionsOf(opened)["SuccessCriteriaMet"]).toBeUndefined();
    const { annotations = {}, labels } = opened.metadata ?? {};
    expect(annotations[names.memoizedFromAnnotation]).toMatch(/^Job\/first Pod\/first-0 2.* indexes 0,2-4$/);
    expect(annotations[names.memoKeyAnnotation]).toMatch(/^[0-9a-f]{64}$/);
    expect(annotations[names.memoClaimAnnotation]).toBeUndefined();
    expect(labels).toMatchObject({ [names.waitingLabel]: "false" });
    expect(labels?.[names.memoizedLabel]).toBeUndefined();
    const tags = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => pusher.digest(`of/${name}`, `${i}`)));
    expect(tags.map((tag) => tag !== undefined)).toEqual([true, false, true, true, true, false]);
  };

  it("starts with those complete", async ({ world }) => {
    await world.makePartly("part", [0, 2, 3, 4]);
    await looks(world, "part");
    await expectPart(world, "part");
    const told = world.events.filter((event) => event.startsWith("part Memo"));
    expect(told).toEqual([
      expect.stringMatching(
        /^part Memoized The indexes 0,2-4 of 6 do not run: .* and 3 more\. The others run: .*\.$/,
      ),
    ]);
  });

  it.for([
    ["a successPolicy", { successPolicy: { rules: [{ succeededCount: 1 }] } }, {}],
    ["Pods that find each other by their names", {}, { subdomain: "them" }],
  ] as const)("runs as a whole with %s", async ([, spec, pod], { world }) => {
    await world.makePartly("whole", [0, 2], spec, pod);
    await looks(world, "whole");
    const running = await world.job("whole");
    expect(running.spec?.suspend).toBe(false);
    expect(running.status?.completedIndexes).toBeUndefined();
    expect(running.metadata?.annotations?.[names.memoizedFromAnnotation]).toBeUndefined();
    expect(world.events.join("\n")).toMatch(/whole MemoMiss/);
  });

  it.for(["before the claim", "after the claim", "after the tags"])(
    "runs where somebody resumes it %s",
    async (when, { world }) => {
      await world.makePartly("part", [0, 2, 3, 4]);
      await (await world.leader(resumedAt(world, "part", when, 4))).look("part");
      await looks(world, "part");
      await expectRuns(world, "part");
      expect((await world.job("part"))?.status?.completedIndexes).toBeUndefined();
    },
  );

  it.for(["after the claim", "after some tags", "after the tags"])(
    "gets them from the next leader where one ends %s",
    async (when, { world }) => {
      await world.makePartly("part", [0, 2, 3, 4]);
      let tags = 0;
      const over: Partial<Memos> = {
        retag: async (...asked) => {
          const dies = ["after the claim", "", "after some tags", "", "after the tags"][tags++] === when;
          if (dies && when !== "after the tags") throw new Error("the process ends");
          const done = await world.memos.retag(...asked);
          if (when === "after the tags" && tags === 4) throw new Error("the process ends");
          return done;
        },
      };
      await expect((await world.leader(over)).look("part")).rejects.toThrow("the process ends");
      await looks(world, "part");
      await expectPart(world, "part");
    },
  );

  it("is opened by the next leader where one ends after its indexes are complete, whatever is there by then", async ({
    world,
  }) => {
    await world.makePartly("part", [0, 2, 3, 4]);
    await (await world.leader({}, (path) => path.endsWith("/jobs/part"))).look("part")?.catch(() => {});
    expect((await world.job("part")).status?.completedIndexes).toBe("0,2-4");
    expect((await world.job("part")).spec?.suspend).toBe(true);
    await world.remember("part", [1]);
    await looks(world, "part");
    await expectPart(world, "part");
  });

  it("ends with all where the rest comes before the next leader", async ({ world }) => {
    await world.makePartly("part", [0, 2, 3, 4]);
    await (await world.leader({}, (path) => path.endsWith("/jobs/part"))).look("part")?.catch(() => {});
    await world.remember("part", [1, 5]);
    await looks(world, "part");
    const ended = await world.job("part");
    expect(ended.status).toMatchObject({ succeeded: 6, completedIndexes: "0-5" });
    expect(conditionsOf(ended)).toMatchObject({ SuccessCriteriaMet: "True Memoized" });
  });

  it("leaves the tag of any index alone that somebody has pushed since the claim", async ({ world }) => {
    await world.makePartly("part", [0, 2, 3, 4]);
    let digest: string | undefined;
    const over: Partial<Memos> = {
      retag: async (cache, entry, to, limits) => {
        digest ??= (await world.pusher.push("of/part", "3", "newer")).digest;
        return world.memos.retag(cache, entry, to, limits);
      },
    };
    await (await world.leader(over)).look("part");
    expect((await world.job("part")).status?.completedIndexes).toBe("0,2,4");
    expect(await world.pusher.digest("of/part", "3")).toBe(digest);
  });

  it("runs an index whose tag somebody has pushed since", async ({ world }) => {
    await world.makePartly("part", [0, 2, 3, 4]);
    const pushed = { digest: "" };
    const over: Partial<Memos> = {
      retag: async (cache, entry, to, limits) => {
        if (to.tag === "3") pushed.digest ||= (await world.pusher.push("of/part", "3", "by hand")).digest;
        return world.memos.retag(cache, entry, to, limits);
      },
    };
    await (await world.leader(over)).look("part");
    expect((await world.job("part"))?.status).toMatchObject({ succeeded: 3, completedIndexes: "0,2,4" });
    expect(await world.pusher.digest("of/part", "3")).toBe(pushed.digest);
  });
});

describe.skipIf(minor >= 31)("before 1.31, an Indexed Job of which some indexes have results", () => {
  it("runs as a whole", async ({ world }) => {
    await world.makePartly("part", [0, 2, 3, 4]);
    await (await world.leader()).look("part");
    const running = await world.job("part");
    expect(running.spec?.suspend).toBe(false);
    expect(running.status?.completedIndexes).toBeUndefined();
    expect(world.events.join("\n")).toMatch(/part NotMemoizable/);
  });
});

describe.skipIf(minor < 31)("a step whose result is not there", () => {
  it("runs with its key, and those that are equal wait for it", async ({ world }) => {
    await world.make("one");
    await world.make("two", { "output-uri": "of/two:v1" });
    await (await world.leader()).look("one");
    await (await world.leader()).look("two");
    const one = await world.job("one");
    expect(one.spec?.suspend).toBe(false);
    expect(one.metadata?.annotations?.[names.memoKeyAnnotation]).toMatch(/^[0-9a-f]{64}$/);
    expect((await world.job("two")).spec?.suspend).toBe(true);
    expect(world.events.join("\n")).toMatch(/one MemoMiss Runs, as there is no result/);
    expect(world.events.join("\n")).toMatch(/two Coalesced .*waits for Job one/);
  });

  it.for(["refresh", "off"] as const)(
    "waits for an equal one no longer when it gets memoize: %s",
    async (mode, { world }) => {
      await world.make("one");
      await world.make("two", { "output-uri": "of/two:v1" });
      await (await world.leader()).look("one");
      await (await world.leader()).look("two");
      expect((await world.job("two")).spec?.suspend).toBe(true);
      const annotations = { [keyOf("memoize")]: mode };
      await world.ns.patch(resources.jobs, "two", { metadata: { annotations } });
      await (await world.leader()).look("two");
      expect((await world.job("two")).spec?.suspend).toBe(false);
    },
  );

  it("is held where its author suspends it", async ({ world }) => {
    await world.make("one", {}, { suspend: true });
    await (await world.leader()).look("one");
    expect((await world.job("one")).metadata?.labels?.[names.waitingLabel]).toBe("true");
  });
});
