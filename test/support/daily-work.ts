import type { V1Job } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { jobOf, keyOf, type StepAnnotations } from "./builders.ts";
import { jobIn } from "./held-jobs.ts";
import { startJobPlane } from "./job-plane.ts";
import { yamlOf } from "./manifests.ts";
import type { ObjectsIn } from "./objects-in.ts";
import { kubectl } from "./programs.ts";
import { until } from "./wait.ts";

/** Namespaces beside the operator and the real controllers of Jobs, where people work with kubectl. */
export async function startDailyWork() {
  const { world, plane, stop } = await startJobPlane();
  return {
    world,
    kubeconfig: plane.kubeconfig,
    stop,
    /** A namespace, and kubectl in it. */
    work: async (name: string) => {
      const ns = await world.namespace(name);
      const run = async (line: string, input?: string) =>
        (await kubectl(plane.kubeconfig, ["--namespace", name, ...line.split(" ")], input)).stdout;
      const apply = (...objects: object[]) => run("apply -f -", yamlOf(objects as KubeObject[]));
      return { ns, run, apply };
    },
  };
}

export const waits: StepAnnotations = { "wait-for-inputs": "true" };
export const memo: StepAnnotations = { memoize: "on", "memoize-assume": "tags" };

/** The step `reads`, which waits for what `makes` pushes. */
export const reads = (space: string, more: StepAnnotations = {}, tag = "1", spec: object = {}) =>
  jobOf(
    "reads",
    { ...waits, "input-uri": `${space}/a:${tag}`, "output-uri": `${space}/b:${tag}`, ...more },
    `read ${space}`,
    spec,
  );

/** The step `makes`. */
export const makes = (space: string, more: StepAnnotations = {}, tag = "1", spec: object = {}) =>
  jobOf("makes", { "output-uri": `${space}/a:${tag}`, ...more }, `make ${space}`, spec);

/** The same with another name, and its own output. */
export const renamed = (job: V1Job & { metadata: object }, name: string) => {
  const { annotations, ...metadata } = job.metadata as NonNullable<V1Job["metadata"]>;
  const output = { [keyOf("output-uri")]: `${name}/out:1` };
  return { ...job, metadata: { ...metadata, name, annotations: { ...annotations, ...output } } };
};

/** Waits until Jobs are gone. */
export async function gone(ns: ObjectsIn, ...all: string[]): Promise<void> {
  for (const name of all)
    await until(async () => (await jobIn(ns, name)) === undefined, `Job ${name} to be gone`);
}

/** Waits until what Jobs have made is remembered. */
export async function remembered(ns: ObjectsIn, ...all: string[]): Promise<void> {
  for (const name of all)
    await until(
      async () =>
        (await jobIn(ns, name))?.metadata?.annotations?.[names.memoKeyAnnotation]?.endsWith(" written"),
      `Job ${name} to be remembered`,
    );
}
