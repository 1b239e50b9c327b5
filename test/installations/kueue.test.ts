import type { V1Job } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { names } from "../../schema/names.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { jobOf, type StepAnnotations } from "../support/builders.ts";
import { memoJob } from "../support/equal-steps.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { makeQueue, startKueue } from "../support/kueue.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { until } from "../support/wait.ts";
import { endOfJob } from "../support/workflow-world.ts";

/** The operator and the real Kueue beside the real controllers of Jobs; Pods end as a stand-in of the kubelet says. */
let plane: Awaited<ReturnType<typeof startJobPlane>>;
let stopKueue: () => Promise<void>;

beforeAll(async () => {
  plane = await startJobPlane();
  stopKueue = await startKueue(plane.plane.kubeconfig, plane.admin);
});

afterAll(async () => {
  await stopKueue?.();
  await plane?.stop();
});

interface Workload {
  readonly metadata: { readonly ownerReferences: readonly { readonly name: string }[] };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
    }[];
  };
}

const workloadOf = async (namespace: string, job: string): Promise<Workload | undefined> => {
  const { items } = await plane.admin.request<{ items: Workload[] }>({
    path: `/apis/kueue.x-k8s.io/v1beta2/namespaces/${namespace}/workloads`,
  });
  return items.find(({ metadata }) => metadata.ownerReferences.some(({ name }) => name === job));
};
const conditionOf = async (namespace: string, job: string, wanted: string) =>
  (await workloadOf(namespace, job))?.status?.conditions?.find(({ type }) => type === wanted);
const reasonOf = async (namespace: string, job: string) =>
  (await conditionOf(namespace, job, "QuotaReserved"))?.reason;

const inQueue = (job: V1Job, queue = "team"): V1Job & KubeObject => {
  const labels = { ...job.metadata?.labels, [names.kueueQueueLabel]: queue };
  return { ...job, metadata: { ...job.metadata, labels } } as V1Job & KubeObject;
};
const queued = (name: string, map: StepAnnotations) => inQueue(jobOf(name, map, "true"));
const jobIn = (ns: ObjectsIn, name: string) => ns.read<V1Job>(resources.jobs, name);
const ended = (ns: ObjectsIn, name: string) =>
  until(async () => endOfJob(await jobIn(ns, name)), `the end of Job ${name}`);
const endReason = async (ns: ObjectsIn, name: string) =>
  (await jobIn(ns, name))?.status?.conditions?.find(({ type }) => type === "Complete")?.reason;
const remembered = (ns: ObjectsIn, name: string) =>
  until(
    async () => (await jobIn(ns, name))?.metadata?.annotations?.[names.memoKeyAnnotation]?.split(" ")[1],
    `what became of the result of ${name}`,
  );
/** A Job that is no step takes the quota of one Pod, and keeps it: nothing runs its Pod. */
const takeQuota = async (ns: ObjectsIn, queue?: string) => {
  await ns.create(resources.jobs, inQueue(jobOf("other"), queue));
  await until(
    async () => (await jobIn(ns, "other"))?.spec?.suspend === false,
    "the other Job to be admitted",
  );
};
/** Kueue counts a Job as one that has succeeded, and never gave it quota. */
const endedWithoutQuota = async (ns: ObjectsIn, name: string) => {
  expect(await ended(ns, name)).toBe("Complete");
  expect(await endReason(ns, name)).toBe("Memoized");
  const finished = await until(
    () => conditionOf(ns.namespace, name, "Finished"),
    "Kueue to count it as ended",
  );
  expect(finished).toMatchObject({ status: "True", reason: "Succeeded" });
  expect(await conditionOf(ns.namespace, name, "QuotaReserved")).not.toMatchObject({ status: "True" });
  expect(plane.world.runsIn(ns.namespace).filter(({ job }) => job === name)).toEqual([]);
};

test("a Job in a queue is gated, then admitted with its pins, and resumed by Kueue", async () => {
  const ns = await plane.world.namespace("queued");
  await makeQueue(plane.admin, "queued", 5);
  await ns.create(resources.jobs, queued("step", { "input-uri": "queued/a:1", "wait-for-inputs": "true" }));
  await until(
    async () => (await reasonOf("queued", "step")) === "AdmissionGated",
    "Kueue to say what it waits for",
  );
  expect((await jobIn(ns, "step"))?.spec?.suspend).toBe(true);
  const digest = await plane.world.put("queued/a:1", "a");
  expect(await ended(ns, "step")).toBe("Complete");
  expect(plane.world.runsIn("queued")).toMatchObject([{ job: "step", pins: [digest] }]);
  expect((await jobIn(ns, "step"))?.metadata?.annotations?.[names.kueueGatesAnnotation]).toBeUndefined();
  expect(await reasonOf("queued", "step")).toBe("QuotaReserved");
});

test("steps that wait take no quota: with that for one, each runs after what it needs", async () => {
  const ns = await plane.world.namespace("narrow");
  await makeQueue(plane.admin, "narrow", 1);
  const waits: StepAnnotations = { "wait-for-inputs": "true", batch: "narrow/3" };
  // The last comes first: it would take the only place.
  await ns.create(resources.jobs, queued("third", { ...waits, "input-uri": "narrow/b:1" }));
  await ns.create(
    resources.jobs,
    queued("second", { ...waits, "input-uri": "narrow/a:1", "output-uri": "narrow/b:1" }),
  );
  await ns.create(resources.jobs, queued("first", { batch: "narrow/3", "output-uri": "narrow/a:1" }));
  for (const name of ["first", "second", "third"]) expect(await ended(ns, name)).toBe("Complete");
  const runs = plane.world.runsIn("narrow");
  expect(runs.map(({ job }) => job)).toEqual(["first", "second", "third"]);
  expect(runs[1]?.pins).toEqual([runs[0]?.pushed]);
  expect(runs[2]?.pins).toEqual([runs[1]?.pushed]);
});

test("a memoized Job runs when Kueue admits it, and the next one like it ends without quota", async () => {
  const ns = await plane.world.namespace("memo");
  await makeQueue(plane.admin, "memo", 1);
  await ns.create(resources.jobs, inQueue(memoJob("first", "memo/first:1")));
  expect(await ended(ns, "first")).toBe("Complete");
  expect(plane.world.runsIn("memo")).toHaveLength(1);
  expect((await conditionOf("memo", "first", "QuotaReserved"))?.status).toBe("True");
  // What Kueue adds to what it starts does not make another step of it.
  expect((await jobIn(ns, "first"))?.spec?.template.spec?.nodeSelector).toEqual({ pool: "memo" });
  expect(await remembered(ns, "first")).toBe("written");
  await takeQuota(ns);
  await ns.create(resources.jobs, inQueue(memoJob("second", "memo/second:1")));
  await endedWithoutQuota(ns, "second");
  expect(await plane.world.tagged("memo/second", "1")).toBe(await plane.world.tagged("memo/first", "1"));
});

test("of equal Jobs in a queue one runs, and the others wait for it without quota", async () => {
  const ns = await plane.world.namespace("equal");
  await makeQueue(plane.admin, "equal", 2);
  const release = plane.world.hold("equal");
  await ns.create(resources.jobs, inQueue(memoJob("first", "equal/first:1")));
  await until(async () => (await jobIn(ns, "first"))?.spec?.suspend === false, "the first to be admitted");
  await ns.create(resources.jobs, inQueue(memoJob("second", "equal/second:1")));
  await until(async () => (await reasonOf("equal", "second")) === "AdmissionGated", "the second to be gated");
  release();
  await endedWithoutQuota(ns, "second");
});

test("of an Indexed Job in a queue only the indexes without a result run, with quota for these", async () => {
  const ns = await plane.world.namespace("part");
  await makeQueue(plane.admin, "part", 3);
  const array = (name: string, completions: number) =>
    inQueue(
      memoJob(name, `part/${name}:$(JOB_COMPLETION_INDEX)`, {
        ...{ completionMode: "Indexed", completions, parallelism: completions },
      }),
    );
  await ns.create(resources.jobs, array("first", 3));
  expect(await ended(ns, "first")).toBe("Complete");
  expect(await remembered(ns, "first")).toBe("written");
  // Two places are left for five indexes, of which two have no result.
  await takeQuota(ns);
  await ns.create(resources.jobs, array("second", 5));
  expect(await ended(ns, "second")).toBe("Complete");
  expect(await endReason(ns, "second")).not.toBe("Memoized");
  expect((await jobIn(ns, "second"))?.status).toMatchObject({ succeeded: 5, completedIndexes: "0-4" });
  const ran = plane.world.runsIn("part").filter(({ job }) => job === "second");
  expect(ran.map(({ index }) => index).sort()).toEqual(["3", "4"]);
  expect((await conditionOf("part", "second", "QuotaReserved"))?.status).toBe("True");
  expect(await remembered(ns, "second")).toBe("written");
  await ns.create(resources.jobs, array("third", 5));
  await endedWithoutQuota(ns, "third");
});

/** A Job as the API server would store it. */
const tried = ({ namespace }: ObjectsIn) =>
  plane.admin.request<V1Job>({
    ...{ method: "POST", path: pathOf(resources.jobs, { namespace }), query: { dryRun: "All" } },
    body: jobOf("tried"),
  });
const configurations = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

describe.each([
  ["before that of the operator", "kueue-mutating-webhook-configuration"],
  // By their names: one that came first is called again (reinvocationPolicy).
  ["after that of the operator", "queues-mutating-webhook-configuration"],
])("in a namespace with a default queue, with Kueue's webhook %s", (order, name) => {
  const namespace = order.split(" ")[0] ?? "";
  let ns: ObjectsIn;

  beforeAll(async () => {
    ns = await plane.world.namespace(`default-${namespace}`);
    await makeQueue(plane.admin, ns.namespace, 1, "default");
    const { items } = await plane.admin.request<{ items: KubeObject[] }>({ path: configurations });
    const now = items.find(({ metadata }) => metadata?.name?.endsWith("-mutating-webhook-configuration"));
    if (now === undefined) throw new Error("Kueue has no webhook");
    if (now.metadata?.name === name) return;
    await plane.admin.request({ method: "DELETE", path: `${configurations}/${now.metadata?.name}` });
    const body = { ...now, metadata: { name } };
    await plane.admin.request({ method: "POST", path: configurations, body });
    await until(
      async () => (await tried(ns)).metadata?.labels?.[names.kueueQueueLabel],
      "Kueue to be called",
    );
  });

  test.each([
    ["as its manifest says", {}],
    ["suspended by its author", { suspend: true }],
  ])("a Job waits for its inputs, and then for quota: %s", async (_, spec) => {
    const step = "suspend" in spec ? "suspended" : "plain";
    const waits: StepAnnotations = { "input-uri": `${ns.namespace}/${step}:1`, "wait-for-inputs": "true" };
    await ns.create(resources.jobs, jobOf(step, waits, "true", spec) as KubeObject);
    await until(
      async () => (await reasonOf(ns.namespace, step)) === "AdmissionGated",
      "Kueue to say what it waits for",
    );
    const { metadata } = (await jobIn(ns, step)) ?? {};
    expect(metadata?.labels?.[names.kueueQueueLabel]).toBe("default");
    expect(metadata?.annotations?.[names.gateAnnotation]).toBe("suspend");
    const digest = await plane.world.put(`${ns.namespace}/${step}:1`, "a");
    expect(await ended(ns, step)).toBe("Complete");
    expect(plane.world.runsIn(ns.namespace).filter(({ job }) => job === step)).toMatchObject([
      { pins: [digest] },
    ]);
    expect((await conditionOf(ns.namespace, step, "QuotaReserved"))?.status).toBe("True");
  });

  test("a memoized Job runs once", async () => {
    await ns.create(resources.jobs, memoJob("first", `${ns.namespace}/first:1`));
    expect(await ended(ns, "first")).toBe("Complete");
    expect(await remembered(ns, "first")).toBe("written");
    await takeQuota(ns, "default");
    await ns.create(resources.jobs, memoJob("second", `${ns.namespace}/second:1`));
    await endedWithoutQuota(ns, "second");
  });
});
