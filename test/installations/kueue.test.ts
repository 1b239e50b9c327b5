import type { V1Job } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { names } from "../../schema/names.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { jobOf, type StepAnnotations } from "../support/builders.ts";
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
const reasonOf = async (namespace: string, job: string) =>
  (await workloadOf(namespace, job))?.status?.conditions?.find(({ type }) => type === "QuotaReserved")
    ?.reason;

const queued = (name: string, map: StepAnnotations): V1Job & KubeObject => {
  const job = jobOf(name, map, "true");
  const labels = { ...job.metadata?.labels, [names.kueueQueueLabel]: "team" };
  return { ...job, metadata: { ...job.metadata, labels } } as V1Job & KubeObject;
};
const jobIn = (ns: ObjectsIn, name: string) => ns.read<V1Job>(resources.jobs, name);
const ended = (ns: ObjectsIn, name: string) =>
  until(async () => endOfJob(await jobIn(ns, name)), `the end of Job ${name}`);

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
