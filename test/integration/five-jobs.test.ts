import { setTimeout as delay } from "node:timers/promises";
import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { annotations } from "../../src/annotations/table.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { expectRight, inputsOf, jobsOf, runAll } from "../support/five-jobs.ts";
import { told } from "../support/held-jobs.ts";
import { test as base } from "../support/integration.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { until } from "../support/wait.ts";
import { endOfJob } from "../support/workflow-world.ts";

/** The operator beside the real controllers of Jobs; Pods say which digests they were given, and push something new. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
const test = base.extend("world", { scope: "file" }, async ({}, { onCleanup }) => {
  const { world, stop } = await startJobPlane();
  onCleanup(stop);
  return world;
});

describe("five Jobs that need each other's artifacts", () => {
  test.for([0, 1, 5])("run right with a batch and %i s between them", async (seconds, { world }) => {
    const namespace = `batch-${seconds}`;
    const ns = await world.namespace(namespace);
    for (const round of ["first", "second"]) {
      const five = jobsOf(namespace, { [annotations.batch.key]: `${round}/5` });
      expectRight(await runAll(ns, world.runsIn, five, () => delay(seconds * 1000)));
    }
  });

  test("that come 5 s apart without a batch are given what is there: that is the documented limit", async ({
    world,
  }) => {
    const ns = await world.namespace("apart");
    const five = jobsOf("apart");
    const first = await runAll(ns, world.runsIn, five);
    expectRight(first);
    // report comes first, and finds what compare pushed in the first round: before compare is there, also where the operator is slow.
    const second = await runAll(ns, world.runsIn, five, async (name) => {
      await delay(5_000);
      if (name === "report") await told(ns, name, "True");
    });
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
