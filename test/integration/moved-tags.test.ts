import type { V1Job } from "@kubernetes/client-node";
import { test as base, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { resources } from "../../src/kube/resources.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { jobOf } from "../support/builders.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { readyCache } from "../support/kept-caches.ts";
import { objectsIn } from "../support/objects-in.ts";
import { end, stepNamed } from "../support/pushing-steps.ts";
import { until } from "../support/wait.ts";

/** It is started, and does not end. */
const runsOn = { parallelism: 0 };

/** The operator beside the real controllers of Jobs, and a cache whose Pod is a real registry with its real keeper; no kubelet. */
const test = base
  .extend("agent", { scope: "file" }, () => agentProgram())
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("jobs", { scope: "file" }, async ({}, { onCleanup }) => {
    const jobs = await startJobPlane();
    onCleanup(jobs.stop);
    return jobs;
  })
  .extend("cache", async ({ jobs: { admin }, agent }, { onCleanup }) => {
    const ns = await objectsIn(admin, "moved");
    return { ns, registry: await readyCache({ ns, installed: admin, agent }, onCleanup) };
  });

test("a step that runs is told once that the tag of its input has moved, whoever pushes", async ({
  cache: { ns, registry },
}) => {
  const started = async (name: string, input: string) => {
    const map = { "input-uri": input, "wait-for-inputs": "true" } as const;
    await ns.create(resources.jobs, jobOf(name, map, "true", runsOn));
    return until(async () => {
      const job = await ns.read<V1Job>(resources.jobs, name);
      const pins = job?.spec?.template.metadata?.annotations?.[names.inputDigestsAnnotation];
      return job?.metadata?.labels?.[names.waitingLabel] === "false" && pins;
    }, `the start of Job ${name}`);
  };
  const toldOf = async (name: string) =>
    (await ns.events(name)).filter(({ reason }) => reason === "InputTagMoved");

  const first = await registry.push("read/data:v1", { content: "first" });
  const other = await registry.push("read/other:v1", { content: "other" });
  expect(await started("by-hand", "read/data:v1")).toBe(first);
  expect(await started("by-step", "read/other:v1")).toBe(other);

  const second = await registry.push("read/data:v1", { content: "second" });
  const [event] = await until(async () => {
    const told = await toldOf("by-hand");
    return told.length > 0 && told;
  }, "the Event");
  expect(event).toMatchObject({ type: "Normal" });
  expect(event?.note).toContain(
    `The tag of read/data:v1 has moved to ${second}. This step goes on with ${first}`,
  );
  expect(await toldOf("by-step")).toEqual([]);

  await registry.push("read/data:v1", { content: "third" });
  const third = await registry.push("read/other:v1", { content: "third" });
  await stepNamed(ns, "makes", "read/other:v1");
  await end(ns, "makes", "read/other:v1", third);
  await until(async () => (await toldOf("by-step")).length > 0, "the Event");
  expect(await toldOf("by-hand")).toHaveLength(1);
  expect(await toldOf("by-step")).toHaveLength(1);
});
