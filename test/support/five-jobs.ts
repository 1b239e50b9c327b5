import { readFile } from "node:fs/promises";
import type { V1Job } from "@kubernetes/client-node";
import { expect } from "vitest";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import type { ObjectsIn } from "./objects-in.ts";
import { until } from "./wait.ts";
import { endOfJob, type Run } from "./workflow-world.ts";

const text = await readFile("examples/workflow/five-jobs/jobs.yaml", "utf8");
const fiveJobs = parseAllDocuments(text).map((document) => document.toJS() as V1Job & KubeObject);

const isOfMemo = (key: string) => key.includes("/memoize");

/** The same with artifacts of their own, in the one registry of all namespaces. Each runs again, whatever has run. */
export function jobsOf(
  namespace: string,
  more: Readonly<Record<string, string>> = {},
): (V1Job & KubeObject)[] {
  return fiveJobs.map((job) => {
    const all = Object.entries(job.metadata?.annotations ?? {}).filter(([key]) => !isOfMemo(key));
    const own = all.map(([key, value]) => [key, value.replace(/^forest\//, `${namespace}/`)]);
    return { ...job, metadata: { ...job.metadata, annotations: { ...Object.fromEntries(own), ...more } } };
  });
}

/** Creates Jobs one after the other, waits after each as it is told, and until all have ended. Returns what ran, by its Job. */
export async function runAll(
  ns: ObjectsIn,
  runsIn: (namespace: string) => readonly Run[],
  all: readonly (V1Job & KubeObject)[],
  after: (name: string) => Promise<unknown> = async () => {},
): Promise<Readonly<Record<string, Run>>> {
  const before = runsIn(ns.namespace).length;
  for (const job of all) {
    await ns.create(resources.jobs, job);
    await after(job.metadata?.name ?? "");
  }
  const named = all.map(({ metadata }) => metadata?.name ?? "");
  for (const name of named) {
    const end = () => ns.read<V1Job>(resources.jobs, name).then(endOfJob);
    expect(await until(end, `the end of ${name} in ${ns.namespace}`)).toBe("Complete");
  }
  const runs = runsIn(ns.namespace).slice(before);
  expect(runs.map(({ job }) => job).sort()).toEqual([...named].sort());
  for (const name of named) {
    await ns.remove(resources.jobs, name);
    await until(async () => (await ns.read(resources.jobs, name)) === undefined, `${name} to be gone`);
  }
  return Object.fromEntries(runs.map((run) => [run.job, run]));
}

/** Of which Jobs each needs the artifact. */
export const inputsOf: Readonly<Record<string, readonly string[]>> = {
  ...{ measure: [], oaks: ["measure"], elms: ["measure"] },
  ...{ compare: ["oaks", "elms"], report: ["compare"] },
};

/** Each was given what the others pushed in this round, and not in one before. */
export function expectRight(runs: Readonly<Record<string, Run>>): void {
  for (const [job, makers] of Object.entries(inputsOf)) {
    const pushed = makers.map((maker) => runs[maker]?.pushed);
    expect([job, runs[job]?.pins]).toEqual([job, pushed]);
  }
}
