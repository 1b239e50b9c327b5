import type { V1Job } from "@kubernetes/client-node";
import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import { resources } from "../../src/kube/resources.ts";
import { startAsInstalled } from "../support/as-installed.ts";
import { jobOf, keyed, keyOf, podOf, type StepAnnotations } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { type ObjectsIn, objectsIn } from "../support/objects-in.ts";
import { until } from "../support/wait.ts";

/** Steps that wait, and the operator with the rights that it has where it is installed. */
const test = base
  .extend("running", { scope: "file" }, async ({ plane, admin }, { onCleanup }) => {
    const operator = await startAsInstalled(plane, admin);
    onCleanup(async () => void (await operator.stop()));
    return operator;
  })
  .extend("held", ({ task, admin, running: _ }) =>
    objectsIn(
      admin,
      task.name
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, "-")
        .slice(0, 50),
    ),
  );

const waits: StepAnnotations = { "input-uri": "a/b:1", "wait-for-inputs": "true" };
const timeout = keyOf("wait-timeout");

async function waitingJob(held: ObjectsIn, spec: object = {}): Promise<V1Job> {
  await held.create(resources.jobs, jobOf("step", waits, "true", spec) as never);
  return job(held, ({ status }) => status?.conditions?.some(({ type }) => type === names.inputsAvailable));
}

const job = (held: ObjectsIn, is: (job: V1Job) => unknown) =>
  until(async () => {
    const found = await held.read<V1Job>(resources.jobs, "step");
    return found && is(found) ? found : undefined;
  }, "the Job to be so");

test("a Job that waits stays suspended where a patch says nothing else than that it is not", async ({
  held,
}) => {
  await waitingJob(held);
  await held.patch(resources.jobs, "step", { spec: { suspend: false } });
  const after = await held.read<V1Job>(resources.jobs, "step");
  expect(after?.spec?.suspend).toBe(true);
  expect(after?.metadata?.labels?.[names.waitingLabel]).toBe("true");
});

test("a Job that waits keeps its label and its record", async ({ held }) => {
  const before = await waitingJob(held);
  await held.patch(resources.jobs, "step", {
    metadata: { labels: { [names.waitingLabel]: null }, annotations: { [names.waitingForAnnotation]: "[]" } },
  });
  const after = await held.read<V1Job>(resources.jobs, "step");
  expect(after?.metadata?.labels).toEqual(before.metadata?.labels);
  expect(after?.metadata?.annotations).toEqual(before.metadata?.annotations);
});

test("a step that waits cannot get annotations with which nobody would look at it", async ({ held }) => {
  await waitingJob(held);
  await held.create(resources.pods, podOf("pod", waits, "true") as never);
  for (const [resource, name] of [
    [resources.jobs, "step"],
    [resources.pods, "pod"],
  ] as const) {
    const edit = (map: object) => held.patch(resource, name, { metadata: { annotations: map } });
    await expect(edit({ [timeout]: "soon" })).rejects.toThrow(`${timeout}: found "soon"`);
    await expect(edit({ [keyOf("input-uri")]: "a/c:1" })).rejects.toThrow("while the step waits");
    await edit({ [timeout]: "2h" });
  }
});

test.for([
  ["the operator holds", {}],
  ["its author holds", { suspend: true }],
] as const)("a Job that %s is started by hand with its inputs as they are", async ([, spec], { held }) => {
  await waitingJob(held, spec);
  await held.patch(resources.jobs, "step", {
    metadata: { annotations: keyed({ "wait-for-inputs": "false" }) },
    spec: { suspend: false },
  });
  const { spec: after } = await job(held, (found) => found.spec?.suspend === false);
  expect(after?.template.metadata?.annotations?.[names.inputDigestsAnnotation]).toBe("tag");
});
