import { describe, expect, it, vi } from "vitest";
import { names } from "../../../schema/names.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { createBatches } from "../../../src/controllers/batches.ts";
import { createPushes } from "../../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import { createPlaces } from "../../../src/controllers/step-places.ts";
import { keepStep, type StepPod } from "../../../src/controllers/step-pods.ts";
import { createWaiters } from "../../../src/controllers/waiters.ts";
import { createWorkflowSteps, type WorkflowStep } from "../../../src/controllers/workflow-steps.ts";
import { keyOf } from "../../../src/kube/objects.ts";
import { writeRecord } from "../../../src/workflow/record.ts";
import type { Artifact } from "../../../src/workflow/step.ts";
import { idIn, idOf } from "../../../src/workflow/step.ts";
import { cacheOf, jobOf, keyed, type StepAnnotations } from "../../support/builders.ts";
import { mirrorOf } from "../../support/mirrors.ts";

const start = Date.parse("2026-01-01T12:00:00Z");

function stepJob(
  name: string,
  map: StepAnnotations,
  { waits = false, ageSeconds = 3600, spec = {}, status = {}, namespace = "ns" } = {},
): StepJob {
  const job = jobOf(name, map, "true", spec);
  const creationTimestamp = new Date(start - ageSeconds * 1000) as unknown as Date;
  const labels = { [names.injectedLabel]: "true", ...(waits && { [names.waitingLabel]: "true" }) };
  return keepJob({
    ...job,
    metadata: { ...job.metadata, namespace, uid: `uid-${name}`, creationTimestamp, labels },
    status,
  } as StepJob);
}

/** A Pod of a Job whose Pods have the gate: what it waits for is said on the Job. */
function gatedPod(job: string, index: number): StepPod {
  const owner = { apiVersion: "batch/v1", kind: "Job", name: job, uid: `uid-${job}`, controller: true };
  return keepStep({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...{ name: `${job}-${index}`, namespace: "ns", uid: `uid-${job}-${index}` },
      creationTimestamp: new Date(start - 60_000),
      labels: { [names.injectedLabel]: "true", [names.waitingLabel]: "true" },
      annotations: { "batch.kubernetes.io/job-completion-index": `${index}` },
      ownerReferences: [owner],
    },
    spec: { containers: [], schedulingGates: [{ name: names.inputsGate }] },
  } as StepPod);
}

function world(existing: readonly StepJob[] = []) {
  const time = { now: start };
  const jobs = mirrorOf<StepJob>(existing);
  const pods = mirrorOf<StepPod>();
  type Sources = Parameters<typeof createWaiters>[0];
  const mirrors = { jobs, pods } as unknown as Pick<Sources, "jobs" | "pods">;
  const caches = mirrorOf<StoredOrasCache>();
  const cachesIn = (namespace: string) =>
    [...caches.store.values()].filter(({ metadata }) => metadata?.namespace === namespace);
  const places = createPlaces(cachesIn, "cluster.local");
  const steps = createWorkflowSteps(mirrors.jobs, mirrors.pods, createPushes(), undefined, places);
  const outdated: string[] = [];
  const forgotten: string[] = [];
  const all: Artifact[] = [];
  /** Ids, and the UIDs of the steps that ask for them. */
  const asking = new Set<string>();
  const found = { tell: (_id: string, _uid: string | undefined) => {} };
  const heads = {
    forget: (id: string) => void forgotten.push(id),
    of: () => Promise.reject(new Error("nobody asks")),
    againInMs: () => 0,
    left: (id: string, uid: string) => asking.has(`${id} ${uid}`),
    onFound: (tell: typeof found.tell) => {
      found.tell = tell;
    },
    outdated: (_: string, artifact: Artifact) => void outdated.push(idOf(artifact)),
    outdatedWhere: (_: string, may: (artifact: Artifact) => boolean) =>
      void outdated.push(...all.filter(may).map(idOf)),
  };
  const client = { now: () => time.now };
  const batches = createBatches({ ...mirrors, steps, client });
  const waiters = createWaiters({ ...mirrors, steps, heads, client, caches });
  const woken = vi.fn<(key: string) => void>();
  waiters.onWake(false, woken);
  waiters.onWake(true, woken);
  const wokenKeys = () => {
    const keys = [...new Set(woken.mock.calls.map(([key]) => key))].sort();
    woken.mockClear();
    return keys;
  };
  return {
    ...{ time, jobs, pods, caches, steps, batches, waiters, wokenKeys },
    ...{ outdated, forgotten, all, asking, found },
  };
}

const complete = { conditions: [{ type: "Complete", status: "True" }] };
const held = { waits: true };

describe("who waits", () => {
  it("is woken by a step that makes what it waits for, whatever happens to that, and by no other", () => {
    const { jobs, wokenKeys } = world([
      stepJob("waits", { "input-uri": "a/b:1", "input-uri_1": "a/c:1" }, held),
      stepJob("other", { "input-uri": "a/d:1" }, held),
      stepJob("open", { "input-uri": "a/b:1" }),
      stepJob("elsewhere", { "input-uri": "a/b:1" }, { ...held, namespace: "elsewhere" }),
    ]);
    wokenKeys();
    const made = stepJob("makes", { "output-uri": "a/b:1" });
    jobs.store.put(made);
    expect(wokenKeys()).toEqual(["ns/waits"]);
    jobs.store.put(stepJob("makes", { "output-uri": "a/b:1" }, { status: complete }));
    expect(wokenKeys()).toEqual(["ns/waits"]);
    jobs.store.remove(keyOf(made));
    expect(wokenKeys()).toEqual(["ns/waits"]);
    jobs.store.put(stepJob("else", { "output-uri": "a/b:2" }));
    expect(wokenKeys()).toEqual([]);
  });

  it("has what the registry said of its input forgotten when it is the last", () => {
    const waits = stepJob("waits", { "input-uri": "a/b:1" }, held);
    const another = stepJob("another", { "input-uri": "a/b:1" }, held);
    const { jobs, waiters, forgotten } = world([waits, another]);
    const artifact = { registry: "cache oras", repository: "a/b", version: ":1" };
    const id = idIn("ns", artifact);
    // Whatever changes of it, it waits for the same.
    jobs.store.put(stepJob("waits", { "input-uri": "a/b:1" }, { ...held, status: { conditions: [] } }));
    jobs.store.put(stepJob("another", { "input-uri": "a/b:1" }));
    expect(forgotten).toEqual([]);
    expect(waiters.anyOn("ns", artifact)).toBe(true);
    jobs.store.remove(keyOf(waits));
    expect(forgotten).toContain(id);
    expect(waiters.anyOn("ns", artifact)).toBe(false);
    expect(waiters.anyFor("ns/oras")).toBe(false);
  });

  it.each<[string, StepAnnotations, StepAnnotations]>([
    ["another one", { "output-uri": "a/b:1" }, { "output-uri": "a/x:1" }],
    ["no more", { "output-uri": "a/b:1" }, { "input-uri": "a/x:1" }],
    ["one of another cache", { "output-uri": "a/b:1" }, { "output-uri": "a/b:1", "oras-cache": "other" }],
    ["one with variables", { "output-uri": "a/$(POD_NAME):1" }, { "output-uri": "a/x:1" }],
    ["it now", { "output-uri": "a/x:1" }, { "output-uri": "a/b:1" }],
  ])("is woken by a step whose annotations say that it makes %s", (_, before, after) => {
    const { jobs, wokenKeys } = world([
      stepJob("waits", { "input-uri": "a/b:1" }, held),
      stepJob("makes", before),
    ]);
    wokenKeys();
    jobs.store.put(stepJob("makes", after));
    expect(wokenKeys()).toEqual(["ns/waits"]);
  });

  it("is woken where a step of its batch is in it no more, or now", () => {
    const { jobs, wokenKeys } = world([
      stepJob("waits", { "input-uri": "a/b:1", batch: "b/2" }, held),
      stepJob("other", { "output-uri": "a/x:1", batch: "b/2" }),
    ]);
    for (const batch of [{}, { batch: "b/2" }]) {
      wokenKeys();
      jobs.store.put(stepJob("other", { "output-uri": "a/x:1", ...batch }));
      expect(wokenKeys()).toEqual(["ns/waits"]);
    }
  });

  it("is woken no more when it waits no more", () => {
    const { jobs, wokenKeys } = world([stepJob("waits", { "input-uri": "a/b:1" }, held)]);
    jobs.store.put(stepJob("waits", { "input-uri": "a/b:1" }));
    wokenKeys();
    jobs.store.put(stepJob("makes", { "output-uri": "a/b:1" }));
    expect(wokenKeys()).toEqual([]);
  });

  it("is woken by its batch, and by outputs with variables", () => {
    const { jobs, wokenKeys } = world([
      stepJob("waits", { "input-uri": "a/b:1", "wait-for-inputs": "true", batch: "x/3" }, held),
    ]);
    wokenKeys();
    const other: StepAnnotations = { "input-uri": "a/z:1", "wait-for-inputs": "true" };
    jobs.store.put(stepJob("one", { ...other, batch: "x/3" }));
    expect(wokenKeys()).toEqual(["ns/waits"]);
    jobs.store.put(stepJob("two", { ...other, batch: "y/3" }));
    expect(wokenKeys()).toEqual([]);
    jobs.store.put(stepJob("three", { "output-uri": "a/$(POD_NAME):1" }));
    expect(wokenKeys()).toEqual(["ns/waits"]);
  });
});

describe("who waits for what is in a registry that is named by its host", () => {
  const cache = (name: string, namespace: string, spec = {}) => {
    const made = cacheOf(name, spec) as StoredOrasCache;
    return { ...made, metadata: { ...made.metadata, namespace } } as StoredOrasCache;
  };
  const hosts = ["oras.ns.svc:5000", "oras-0.oras:5000", "nodes.example.com:30500"];
  const waits = (host: string) => stepJob("waits", { "input-uri": `oci://${host}/a/b:1` }, held);

  it.each(hosts)("is woken by a step that names the OrasCache, which came after it: %s", (host) => {
    const { jobs, caches, waiters, wokenKeys, forgotten } = world([
      waits(host),
      stepJob("other", { "input-uri": "a/b:1" }, held),
    ]);
    wokenKeys();
    const before = cache("oras", "ns", { nodeAddress: "elsewhere.example.com" });
    caches.store.put(before);
    caches.store.put(cache("oras", "ns", { nodeAddress: "nodes.example.com:30500" }));
    expect(wokenKeys()).toEqual(["ns/waits"]);
    expect(waiters.anyFor("ns/oras")).toBe(true);
    expect(forgotten.length).toBeGreaterThan(0);
    jobs.store.put(stepJob("makes", { "output-uri": "a/b:1" }));
    expect(wokenKeys()).toEqual(["ns/other", "ns/waits"]);
    jobs.store.put(stepJob("makes", { "output-uri": `oci://${host}/a/b:1` }, { status: complete }));
    expect(wokenKeys()).toEqual(["ns/other", "ns/waits"]);
  });

  it("is woken by a step that names another host of the OrasCache of another namespace", () => {
    const { jobs, caches, wokenKeys } = world([waits("oras.away:5000")]);
    caches.store.put(cache("oras", "away"));
    wokenKeys();
    jobs.store.put(stepJob("makes", { "output-uri": "oci://oras-0.oras.away.svc:5000/a/b:1" }));
    expect(wokenKeys()).toEqual(["ns/waits"]);
  });

  it("is woken by nothing else that changes of an OrasCache, and not where it names no host", () => {
    const { caches, wokenKeys } = world([
      waits(hosts[0] ?? ""),
      stepJob("other", { "input-uri": "a/b:1" }, held),
    ]);
    caches.store.put(cache("oras", "ns"));
    wokenKeys();
    caches.store.put({ ...cache("oras", "ns"), status: { conditions: [] } } as unknown as StoredOrasCache);
    expect(wokenKeys()).toEqual([]);
    caches.store.remove(keyOf(cache("oras", "ns")));
    expect(wokenKeys()).toEqual(["ns/waits"]);
  });
});

describe("what wakes nobody in vain", () => {
  it("is a step with variables that makes none of the inputs", () => {
    const { jobs, wokenKeys } = world([stepJob("waits", { "input-uri": "a/b:1" }, held)]);
    jobs.store.put(stepJob("makes", { "output-uri": "c/$(POD_NAME):1" }));
    expect(wokenKeys()).toEqual([]);
  });

  it("is how a step of the batch gets on", () => {
    const { jobs, wokenKeys } = world([stepJob("waits", { "input-uri": "a/b:1", batch: "x/3" }, held)]);
    const one = stepJob("one", { "input-uri": "a/z:1", batch: "x/3" });
    jobs.store.put(one);
    expect(wokenKeys()).toEqual(["ns/waits"]);
    jobs.store.put(one);
    expect(wokenKeys()).toEqual([]);
  });

  it("is a cache for whose artifacts only steps wait that have failed", () => {
    const failed = { conditions: [{ type: "Failed", status: "True" }] };
    const { waiters } = world([stepJob("failed", { "input-uri": "a/b:1" }, { ...held, status: failed })]);
    expect(waiters.anyFor("ns/oras")).toBe(false);
  });
});

describe("a Job whose template alone is annotated", () => {
  const output = (tag: string): StepAnnotations => ({
    "output-uri": `a/b:${tag}`,
    "output-path": "/tmp/out",
  });
  const templated = (tag: string, spec: object = {}) => {
    const { spec: made, ...rest } = jobOf("makes", {}, "true", spec);
    const template = { ...made?.template, metadata: { annotations: keyed(output(tag)) } };
    const metadata = { ...rest.metadata, namespace: "ns", uid: "uid-makes" };
    return keepJob({ ...rest, metadata, spec: { ...made, template } } as StepJob);
  };
  /** One of its Pods, which has pushed or failed. */
  const tryOf = (tag: string, phase: "Succeeded" | "Failed") => {
    const pod = gatedPod("makes", 0);
    const plan = stepJob("makes", output(tag)).plan;
    const message = JSON.stringify({ artifact: `x/a/b:${tag}`, digest: `sha256:${"a".repeat(64)}` });
    const terminated = { exitCode: 0, message: `${message.slice(0, -1)},"bytes":1,"seconds":1}` };
    const containerStatuses = [{ name: names.pushContainer, state: { terminated } }];
    return {
      ...pod,
      workflow: { schedulingGates: [], known: {}, plan },
      status: { phase, ...(phase === "Succeeded" && { containerStatuses }) },
    } as unknown as StepPod;
  };
  const artifact = (tag: string): Artifact => ({
    registry: "cache oras",
    repository: "a/b",
    version: `:${tag}`,
  });
  const makersIn = ({ steps }: ReturnType<typeof world>, tag: string) =>
    steps
      .producersOf("ns", artifact(tag))
      .map(({ name, state, pushed }) => [name, state, pushed !== undefined]);

  it("makes its output by itself, whatever became of one of its Pods", () => {
    const all = world([templated("1")]);
    expect(makersIn(all, "1")).toEqual([["Job makes", "live", false]]);
    all.pods.store.put(tryOf("1", "Failed"));
    expect(makersIn(all, "1")).toEqual([["Job makes", "live", false]]);
    all.pods.store.put(tryOf("1", "Succeeded"));
    expect(makersIn(all, "1")).toEqual([["Job makes", "live", true]]);
  });

  it("has pushed what one of several Pods alone pushes, and not what all of them do", () => {
    const several = { completions: 2, completionMode: "Indexed" };
    const byIndex = world([templated("$(JOB_COMPLETION_INDEX)", several)]);
    byIndex.pods.store.put(tryOf("0", "Succeeded"));
    expect(makersIn(byIndex, "0")).toEqual([["Job makes", "live", true]]);
    expect(makersIn(byIndex, "1")).toEqual([["Job makes", "live", false]]);
    const together = world([templated("1", several)]);
    together.pods.store.put(tryOf("1", "Succeeded"));
    expect(makersIn(together, "1")).toEqual([["Job makes", "live", false]]);
  });
});

describe("the steps of a batch", () => {
  const map: StepAnnotations = { "output-uri": "a/b:1", batch: "x/3" };
  const ended = { status: complete };
  const membersIn = ({ batches, steps }: ReturnType<typeof world>, name: string) =>
    batches.membersOf(steps.job(`ns/${name}`) as WorkflowStep);

  it("are a Job and its annotated Pods once, and none that is being deleted", () => {
    const all = world([stepJob("many", map), stepJob("other", map)]);
    const { jobs, pods } = all;
    for (const index of [0, 1]) {
      const pod = gatedPod("many", index);
      pods.store.put({ ...pod, workflow: { ...pod.workflow, plan: stepJob("many", map).plan } } as StepPod);
    }
    expect(membersIn(all, "many").there).toEqual(new Set(["Job many", "Job other"]));
    const other = stepJob("other", map);
    jobs.store.put({
      ...other,
      metadata: { ...other.metadata, deletionTimestamp: new Date(start) },
    } as StepJob);
    expect(membersIn(all, "many").there).toEqual(new Set(["Job many"]));
  });

  it("are those, too, that ended and were removed while others had still to run", () => {
    const all = world([stepJob("first", map, ended), stepJob("second", map)]);
    const { jobs, time } = all;
    jobs.store.remove(keyOf(stepJob("first", map)));
    time.now += 60_000;
    jobs.store.put(stepJob("last", map, { ageSeconds: -60 }));
    for (const name of ["second", "last"]) expect(membersIn(all, name).gone).toEqual(["Job first"]);
  });

  it.each<[string, Parameters<typeof stepJob>[2]]>([
    ["was deleted before it ended", {}],
    ["was of an earlier run, none of which has still to run", ended],
  ])("are none that %s", (_, more) => {
    const all = world([stepJob("first", map, more), stepJob("left", map, ended)]);
    const { jobs, time } = all;
    jobs.store.remove(keyOf(stepJob("first", map)));
    time.now += 60_000;
    jobs.store.put(stepJob("new", map, { ageSeconds: more === ended ? -60 : 3600 }));
    expect(membersIn(all, "new").gone).toEqual([]);
  });

  it("are known to the next leader by what those that wait remember", () => {
    const waits = stepJob("waits", { ...map, "input-uri": "a/c:1" }, held);
    const record = writeRecord([{ input: "batch x/3 gone", producers: { "Job first": "earlier" } }]);
    const annotations = { ...waits.metadata?.annotations, [names.waitingForAnnotation]: record };
    const all = world([{ ...waits, metadata: { ...waits.metadata, annotations } } as StepJob]);
    expect(membersIn(all, "waits").gone).toEqual(["Job first"]);
  });
});

describe("a Pod of a Job, on which is said what it waits for", () => {
  const reads: StepAnnotations = { "input-uri": "a/$(JOB_COMPLETION_INDEX):1" };

  it("is woken by the Job that is seen after it, and then by what makes its own input", () => {
    const { jobs, pods, wokenKeys } = world();
    pods.store.put(gatedPod("many", 0));
    pods.store.put(gatedPod("many", 1));
    expect(wokenKeys()).toEqual([]);
    jobs.store.put(stepJob("many", reads));
    expect(wokenKeys()).toEqual(["ns/many-0", "ns/many-1"]);
    jobs.store.put(stepJob("makes", { "output-uri": "a/1:1" }));
    expect(wokenKeys()).toEqual(["ns/many-1"]);
  });

  it("is woken by the Job when that asks for something else, and not by how it gets on, nor by its other Pods", () => {
    const { jobs, pods, wokenKeys } = world([stepJob("many", reads)]);
    for (const index of [0, 1]) pods.store.put(gatedPod("many", index));
    wokenKeys();
    jobs.store.put(stepJob("many", reads));
    pods.store.put(gatedPod("many", 0));
    expect(wokenKeys()).toEqual([]);
    jobs.store.put(stepJob("many", { "input-uri": "b/$(JOB_COMPLETION_INDEX):1" }));
    expect(wokenKeys()).toEqual(["ns/many-0", "ns/many-1"]);
    jobs.store.put(stepJob("makes", { "output-uri": "b/1:1" }));
    expect(wokenKeys()).toEqual(["ns/many-1"]);
  });

  it("is forgotten when it goes, also where its Job went before", () => {
    const { jobs, pods, waiters } = world([stepJob("many", reads)]);
    pods.store.put(gatedPod("many", 0));
    expect(waiters.anyFor("ns/oras")).toBe(true);
    jobs.store.remove(keyOf(stepJob("many", reads)));
    pods.store.remove(keyOf(gatedPod("many", 0)));
    expect(waiters.anyFor("ns/oras")).toBe(false);
  });
});

describe("steps that wait for the same", () => {
  const waits: StepAnnotations = { "input-uri": "a/b:1", "wait-for-inputs": "true" };
  const id = idIn("ns", { registry: "cache oras", repository: "a/b", version: ":1" });
  const three = ["a", "b", "c"].map((name) => stepJob(name, waits, { waits: true }));

  it("are looked at when one of them has found it, but for that one", () => {
    const { found, wokenKeys } = world(three);
    found.tell("ns another", undefined);
    expect(wokenKeys()).toEqual([]);
    found.tell(id, "uid-b");
    expect(wokenKeys()).toEqual(["ns/a", "ns/c"]);
    found.tell(id, undefined);
    expect(wokenKeys()).toEqual(["ns/a", "ns/b", "ns/c"]);
  });

  it("are looked at, one of them, when the one goes that asks for it", () => {
    const { asking, jobs, wokenKeys } = world(three);
    jobs.store.put(stepJob("b", waits));
    expect(wokenKeys()).toEqual([]);
    asking.add(`${id} uid-a`);
    jobs.store.put(stepJob("a", waits));
    expect(wokenKeys()).toEqual(["ns/c"]);
  });
});

describe("what registries said", () => {
  it("counts no more when a step comes that waits for it: somebody may have pushed who is no step", () => {
    const { jobs, outdated } = world();
    const waits = stepJob("waits", { "input-uri": "a/b:1", "input-uri_1": "a/c:1" }, held);
    jobs.store.put(waits);
    expect(outdated).toEqual(["cache oras a/b:1", "cache oras a/c:1"]);
    outdated.length = 0;
    jobs.store.put(waits);
    expect(outdated).toEqual([]);
  });

  it("counts no more when a step that makes it changes, also of an output with variables", () => {
    const { jobs, outdated, all } = world();
    const known = { registry: "cache oras", repository: "a/p-1", version: ":1" };
    all.push(known, { ...known, repository: "b/p-1" });
    const output: StepAnnotations = { "output-uri": "a/$(POD_NAME):1" };
    jobs.store.put(stepJob("makes", output));
    jobs.store.put(stepJob("makes", output, { status: complete }));
    expect(new Set(outdated)).toEqual(new Set([idOf(known)]));
    outdated.length = 0;
    // Its Pods change often, and what one pushed says nothing of the others.
    const spec = { completions: 5, parallelism: 5 };
    jobs.store.put(stepJob("many", output, { spec }));
    outdated.length = 0;
    jobs.store.put(stepJob("many", output, { spec }));
    expect(outdated).toEqual([]);
    jobs.store.put(stepJob("many", output, { spec, status: complete }));
    expect(outdated).toEqual([idOf(known)]);
    outdated.length = 0;
    jobs.store.put(stepJob("plain", { "output-uri": "a/b:1" }));
    expect(outdated).toEqual(["cache oras a/b:1"]);
  });
});

describe("the last arrival", () => {
  const output: StepAnnotations = { "output-uri": "a/b:1" };

  it("is the last, in whatever order steps are listed", () => {
    const all = [30, 2, 600].map((ageSeconds) => stepJob(`j${ageSeconds}`, output, { ageSeconds }));
    for (const order of [all, [...all].reverse()])
      expect(world(order).waiters.lastArrival("ns")).toBe(start - 1_000);
    expect(world(all).waiters.lastArrival("elsewhere")).toBe(0);
  });

  it("is now where a step of the name of another comes, which waits no more", () => {
    const { jobs, time, waiters, wokenKeys } = world([stepJob("same", { "input-uri": "a/c:1" }, held)]);
    time.now += 10_000;
    const again = stepJob("same", { "input-uri": "a/d:1" }, { ...held, ageSeconds: -10 });
    jobs.store.put({ ...again, metadata: { ...again.metadata, uid: "another" } } as StepJob);
    expect(waiters.lastArrival("ns")).toBe(start + 10_000);
    wokenKeys();
    jobs.store.put(stepJob("makes", { "output-uri": "a/c:1" }));
    expect(wokenKeys()).toEqual([]);
  });

  it("is now where a step comes, and does not move when one changes or goes", () => {
    const { jobs, time, waiters } = world([stepJob("old", output)]);
    time.now += 10_000;
    jobs.store.put(stepJob("young", output, { ageSeconds: -10 }));
    expect(waiters.lastArrival("ns")).toBe(start + 10_000);
    time.now += 10_000;
    jobs.store.put(stepJob("young", output, { ageSeconds: -10, status: complete }));
    jobs.store.remove(keyOf(stepJob("old", output)));
    expect(waiters.lastArrival("ns")).toBe(start + 10_000);
  });
});
