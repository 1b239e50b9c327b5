import type { V1Job } from "@kubernetes/client-node";
import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { readManifest } from "../../src/registry/manifests.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { jobOf, type StepAnnotations } from "../support/builders.ts";
import { endOf } from "../support/ended-jobs.ts";
import { test as base } from "../support/integration.ts";
import { readyCache } from "../support/kept-caches.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { until } from "../support/wait.ts";

/** A cache whose Pod is a real registry with its real keeper; no kubelet, and no controller of Jobs. */
const test = base
  .extend("agent", { scope: "file" }, () => agentProgram())
  .extend("registry", ({ ns, installed, agent }, { onCleanup }) =>
    readyCache({ ns, installed, agent }, onCleanup),
  );

const indexed = { completionMode: "Indexed", completions: 3, parallelism: 3 };
const parts: StepAnnotations = {
  "output-uri": "forest/sample:$(JOB_COMPLETION_INDEX)",
  "output-path": "sample-$(JOB_COMPLETION_INDEX)",
  "output-index": "forest/sample:all",
};

const make = (ns: ObjectsIn, name: string, map: StepAnnotations, spec: object = {}) =>
  ns.create(resources.jobs, jobOf(name, map, "true", spec) as KubeObject);

/** What the next leader goes by. */
const conditionOf = (ns: ObjectsIn, name: string) =>
  until(async () => {
    const { status } = (await ns.read<V1Job>(resources.jobs, name)) ?? {};
    return status?.conditions?.find(({ type }) => type === names.outputIndexed);
  }, "the condition");

const complete = (ns: ObjectsIn, name: string) =>
  ns.patchStatus(resources.jobs, name, {
    ...endOf("Complete", "CompletionsReached"),
    ...{ succeeded: 3, completedIndexes: "0-2" },
  });

test("an index is written when its Job is complete, and a step that waits for it takes no earlier one", async ({
  ns,
  registry,
}) => {
  await registry.push("forest/sample:all");
  const digests = await Promise.all([0, 1, 2].map((part) => registry.push(`forest/sample:${part}`)));
  await make(ns, "sample", parts, indexed);
  await make(ns, "collect", { "input-uri": "forest/sample:all", "wait-for-inputs": "true" });
  await complete(ns, "sample");
  const eventOf = (name: string, reason: string) =>
    until(
      async () => (await ns.events(name)).find((event) => event.reason === reason)?.note,
      `the Event ${reason} about ${name}`,
    );
  const opened = await eventOf("collect", "InputsAvailable");
  const asked = {
    peer: { host: registry.host },
    authorization: registry.authorization,
    signal: AbortSignal.timeout(60_000),
  };
  const index = await readManifest(asked, "forest/sample", "all");
  const { manifests } = JSON.parse(index?.bytes.toString() ?? "{}") as { manifests: { digest: string }[] };
  expect(manifests.map(({ digest }) => digest)).toEqual(digests);
  expect(opened).toContain(`with forest/sample:all (${index?.digest})`);
  const told = await eventOf("sample", "IndexPushed");
  expect(told).toContain(`an index of 3 artifacts: ${index?.digest}`);
  expect(await conditionOf(ns, "sample")).toMatchObject({
    status: "True",
    reason: "IndexPushed",
    message: told,
  });
});

test("a Job whose part is missing says which, and has no index", async ({ ns, registry }) => {
  for (const part of [0, 2]) await registry.push(`forest/sample:${part}`);
  await make(ns, "sample", parts, indexed);
  await complete(ns, "sample");
  const told = await until(async () => {
    const events = await ns.events("sample");
    return events.find(({ reason }) => reason === "IndexNotPushed");
  }, "the Event");
  expect(told.note).toContain("forest/sample:1 is not in the registry");
  expect(await conditionOf(ns, "sample")).toMatchObject({ status: "False", reason: "IndexNotPushed" });
});
