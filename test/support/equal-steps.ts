import type { V1Job } from "@kubernetes/client-node";
import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import { resources } from "../../src/kube/resources.ts";
import { jobOf } from "./builders.ts";
import type { startJobPlane } from "./job-plane.ts";
import type { ObjectsIn } from "./objects-in.ts";
import { kubectl } from "./programs.ts";
import { until } from "./wait.ts";
import { endOfJob } from "./workflow-world.ts";

type JobPlane = Pick<Awaited<ReturnType<typeof startJobPlane>>, "world" | "plane" | "admin">;

const memo = { memoize: "on", "memoize-assume": "tags" };
/** A Job that is memoized. */
export const memoJob = (name: string, output: string, spec: object = {}, more = {}) =>
  jobOf(name, { ...memo, "output-uri": output, ...more }, "make it", spec) as V1Job & { kind: string };

/** How often the API server was asked so, by anybody. */
async function asked(kubeconfig: string, ...labels: string[]): Promise<number> {
  const { stdout } = await kubectl(kubeconfig, ["get", "--raw", "/metrics"]);
  const lines = stdout.split("\n").filter((line) => line.startsWith("apiserver_request_total{"));
  const found = lines.filter((line) => labels.every((label) => line.includes(label)));
  return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
/** How often anybody has patched a Job. */
export const patchesOfJobs = (kubeconfig: string) =>
  asked(kubeconfig, 'resource="jobs"', 'verb="PATCH"', 'group="batch"');
const listsOfPods = (kubeconfig: string) =>
  asked(kubeconfig, 'resource="pods"', 'verb="LIST"', 'scope="namespace"');

/** Jobs that do the same, each with its own output. */
export const createEqual = async (ns: ObjectsIn, count: number, spec: object = {}) => {
  const names = Array.from({ length: count }, (_, i) => `equal-${i}`);
  for (let at = 0; at < count; at += 20)
    await Promise.all(
      names
        .slice(at, at + 20)
        .map((name) => ns.create(resources.jobs, memoJob(name, `${ns.namespace}/${name}:1`, spec))),
    );
  return names;
};
/** All Jobs of a namespace. */
export const jobsIn = async (ns: ObjectsIn, admin: { request: <T>(o: { path: string }) => Promise<T> }) =>
  (await admin.request<{ items: V1Job[] }>({ path: `/apis/batch/v1/namespaces/${ns.namespace}/jobs` })).items;

/** Creates equal steps at once, and expects that one of them runs, with few writes for each. */
export async function expectOneRun({ world, admin, plane }: JobPlane, many: number): Promise<void> {
  const namespace = "equal";
  const ns = await world.namespace(namespace);
  const release = world.hold(namespace);
  const begun = await patchesOfJobs(plane.kubeconfig);
  await createEqual(ns, many);
  const isHeld = ({ status }: V1Job) =>
    status?.conditions?.some(({ type, reason }) => type === names.inputsAvailable && reason === "Coalesced");
  await until(
    async () => (await jobsIn(ns, admin)).filter(isHeld).length === many - 1,
    "all but one to wait",
  );
  const [written, lists] = [await patchesOfJobs(plane.kubeconfig), await listsOfPods(plane.kubeconfig)];
  // One that it waits, and one that opens the first.
  expect(written - begun).toBeLessThanOrEqual(many + 20);
  const at = Date.now();
  release();
  const isComplete = (one: V1Job) => endOfJob(one) === "Complete";
  await until(async () => (await jobsIn(ns, admin)).every(isComplete), "all to be complete", 500_000);
  const isMarked = ({ metadata }: V1Job) => metadata?.labels?.[names.memoizedLabel] === "true";
  await until(async () => (await jobsIn(ns, admin)).filter(isMarked).length === many - 1, "the labels");
  console.info({
    many,
    seconds: (Date.now() - at) / 1000,
    writes: (await patchesOfJobs(plane.kubeconfig)) - written,
    lists: (await listsOfPods(plane.kubeconfig)) - lists,
  });
  expect(world.runsIn(namespace)).toHaveLength(1);
  // Claim, end, and that it did not run.
  expect((await patchesOfJobs(plane.kubeconfig)) - written).toBeLessThanOrEqual(3 * many + 20);
}
