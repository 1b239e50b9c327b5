import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { parseAllDocuments } from "yaml";
import { names } from "../../schema/names.ts";
import { annotations } from "../../src/annotations/table.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { test as base } from "../support/integration.ts";
import { startJobPlane } from "../support/job-plane.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { until } from "../support/wait.ts";
import { endOfJob, type Run } from "../support/workflow-world.ts";

/** The operator beside the real controllers of Jobs; Pods say which digests they were given, and push something new. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
const test = base.extend("world", { scope: "file" }, async ({}, { onCleanup }) => {
  const { world, stop } = await startJobPlane();
  onCleanup(stop);
  return world;
});

const text = await readFile("examples/workflow/five-jobs/jobs.yaml", "utf8");
const fiveJobs = parseAllDocuments(text).map((document) => document.toJS() as V1Job & KubeObject);

/** The same with artifacts of their own, in the one registry of all namespaces. */
function jobsOf(namespace: string, more: Readonly<Record<string, string>> = {}): (V1Job & KubeObject)[] {
  return fiveJobs.map((job) => {
    const all = Object.entries(job.metadata?.annotations ?? {});
    const own = all.map(([key, value]) => [key, value.replace(/^forest\//, `${namespace}/`)]);
    return { ...job, metadata: { ...job.metadata, annotations: { ...Object.fromEntries(own), ...more } } };
  });
}

function orders<T>(all: readonly T[]): T[][] {
  if (all.length < 2) return [[...all]];
  return all.flatMap((first, i) => orders(all.toSpliced(i, 1)).map((others) => [first, ...others]));
}

/** Creates Jobs one after the other, and waits until all have ended. Returns what ran, by its Job. */
async function runAll(
  ns: ObjectsIn,
  runsIn: (namespace: string) => readonly Run[],
  all: readonly (V1Job & KubeObject)[],
  pauseMs = 0,
): Promise<Readonly<Record<string, Run>>> {
  const before = runsIn(ns.namespace).length;
  for (const job of all) {
    await ns.create(resources.jobs, job);
    if (pauseMs > 0) await delay(pauseMs);
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

const inputsOf: Readonly<Record<string, readonly string[]>> = {
  ...{ measure: [], oaks: ["measure"], elms: ["measure"] },
  ...{ compare: ["oaks", "elms"], report: ["compare"] },
};

/** Each was given what the others pushed in this round, and not in one before. */
function expectRight(runs: Readonly<Record<string, Run>>): void {
  for (const [job, makers] of Object.entries(inputsOf)) {
    const pushed = makers.map((maker) => runs[maker]?.pushed);
    expect([job, runs[job]?.pins]).toEqual([job, pushed]);
  }
}

describe("five Jobs that need each other's artifacts", () => {
  test("run right in all 120 orders, each over the tags of the one before", async ({ world }) => {
    const all = orders([0, 1, 2, 3, 4]);
    const namespaces = 12;
    const each = Array.from({ length: namespaces }, async (_, i) => {
      const namespace = `orders-${i}`;
      const ns = await world.namespace(namespace);
      const five = jobsOf(namespace);
      for (const order of all.filter((_order, n) => n % namespaces === i)) {
        const sorted = order.flatMap((n) => five[n] ?? []);
        const words = sorted.map(({ metadata }) => metadata?.name).join(", ");
        const runs = await runAll(ns, world.runsIn, sorted);
        expect(() => expectRight(runs), words).not.toThrow();
      }
    });
    await Promise.all(each);
  }, 900_000);

  test.for([0, 1, 5])("run right with a batch and %i s between them", async (seconds, { world }) => {
    const namespace = `batch-${seconds}`;
    const ns = await world.namespace(namespace);
    for (const round of ["first", "second"]) {
      const five = jobsOf(namespace, { [annotations.batch.key]: `${round}/5` });
      expectRight(await runAll(ns, world.runsIn, five, seconds * 1000));
    }
  });

  test("that come 5 s apart without a batch are given what is there: that is the documented limit", async ({
    world,
  }) => {
    const ns = await world.namespace("apart");
    const five = jobsOf("apart");
    const first = await runAll(ns, world.runsIn, five);
    expectRight(first);
    const second = await runAll(ns, world.runsIn, five, 5_000);
    // report comes first, and finds what compare pushed in the first round.
    expect(second["report"]?.pins).toEqual([first["compare"]?.pushed]);
  });
});

describe("Jobs of a JobSet", () => {
  test("are gated by their templates, and start right, whatever resumes them", async ({ world }) => {
    const ns = await world.namespace("jobset");
    const owner = {
      ...{
        apiVersion: "jobset.x-k8s.io/v1alpha2",
        kind: "JobSet",
        name: "set",
        uid: "6b1f0d6e-0000-4000-8000-000000000000",
      },
      controller: true,
    };
    const owned = jobsOf("jobset").map((job) => ({
      ...job,
      metadata: { ...job.metadata, ownerReferences: [owner] },
    }));
    const stopped = new AbortController();
    let resumed = 0;
    // JobSet resumes every child that is suspended as soon as it sees it.
    const jobSet = (async () => {
      while (!stopped.signal.aborted) {
        for (const name of Object.keys(inputsOf)) {
          const job = await ns.read<V1Job>(resources.jobs, name);
          if (job?.spec?.suspend !== true) continue;
          await ns.patch(resources.jobs, name, { spec: { suspend: false } }, "jobset");
          resumed++;
        }
        await delay(50);
      }
    })();
    for (const job of owned) {
      const stored = (await ns.create(resources.jobs, {
        ...job,
        spec: { ...job.spec, suspend: true },
      } as KubeObject)) as V1Job;
      const gates = stored.spec?.template.spec?.schedulingGates?.map(({ name }) => name);
      const waits = (inputsOf[stored.metadata?.name ?? ""] ?? []).length > 0;
      expect(gates ?? []).toEqual(waits ? [names.inputsGate] : []);
    }
    for (const { metadata } of owned) {
      const end = () => ns.read<V1Job>(resources.jobs, metadata.name ?? "").then(endOfJob);
      expect(await until(end, `the end of ${metadata.name}`)).toBe("Complete");
    }
    stopped.abort();
    await jobSet;
    expect(resumed).toBe(owned.length);
    expectRight(Object.fromEntries(world.runsIn("jobset").map((run) => [run.job, run])));
  });
});
