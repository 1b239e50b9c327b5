import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { podOf } from "../support/builders.ts";
import { test } from "../support/integration.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { metric } from "../support/operator.ts";
import { states } from "../support/step-statuses.ts";
import { until } from "../support/wait.ts";

const { waiting, running, ended, startError } = states;
const output = { registry: "ghcr.io", "output-uri": "a/b:1", "output-path": "out" };
const longAgo = "2026-01-01T00:00:00Z";

/** Makes a step, which the operator injects; a kubelet has not taken it. */
async function step(ns: ObjectsIn, name: string, metadata: object = {}, spec: object = {}): Promise<void> {
  const pod = podOf(name, output, "true", {}, spec);
  await ns.create(resources.pods, { ...pod, metadata: { ...pod.metadata, ...metadata } } as KubeObject);
}

/** Says of its containers what a kubelet would say. */
const tell = (ns: ObjectsIn, name: string, told: Readonly<Record<string, object>>, status: object = {}) =>
  ns.patchStatus(resources.pods, name, {
    phase: "Running",
    startTime: longAgo,
    containerStatuses: Object.entries(told).map(([container, state]) => ({
      ...{ name: container, image: "x", imageID: "", ready: false, restartCount: 0 },
      state,
    })),
    ...status,
  });

const deadlineOf = async (ns: ObjectsIn, name: string) =>
  (await ns.read<V1Pod>(resources.pods, name))?.spec?.activeDeadlineSeconds;
const untilEnded = (ns: ObjectsIn, name: string) =>
  until(() => deadlineOf(ns, name), `the deadline of ${name}`);
const eventsOf = (ns: ObjectsIn, name: string) =>
  until(async () => {
    const found = await ns.events(name);
    return found.length > 0 && found;
  }, `an Event about ${name}`);

describe("a step that cannot end by itself", () => {
  test("is ended, and its Pod and its Job have an Event with the kubelet's words", async ({
    ns,
    operator,
  }) => {
    const containers = [{ name: "c", image: "x" }];
    const spec = { template: { spec: { restartPolicy: "Never", containers } } };
    const job = (await ns.create(resources.jobs, { metadata: { name: "job" }, spec } as KubeObject)) as V1Job;
    const uid = job.metadata?.uid ?? "";
    const owner = { apiVersion: "batch/v1", kind: "Job", name: "job", uid, controller: true };
    await step(ns, "lost", {
      labels: { "batch.kubernetes.io/controller-uid": uid },
      ownerReferences: [owner],
    });
    await tell(ns, "lost", { main: startError(), [names.pushContainer]: running(3) });
    expect(await untilEnded(ns, "lost")).toBeGreaterThan(60);
    for (const name of ["lost", "job"]) {
      expect(await eventsOf(ns, name)).toMatchObject([
        {
          type: "Warning",
          reason: "ContainerLost",
          note: expect.stringMatching(/^The operator ended the Pod lost, .* StartError: exec: "\/no\/such"/),
        },
      ]);
    }
    expect(
      await metric(
        operator,
        `oras_operator_artifacts_total{namespace="${ns.namespace}",reason="ContainerLost"}`,
      ),
    ).toBeGreaterThan(0);
  });

  test("has its deadline lowered, once", async ({ ns, operator }) => {
    await step(ns, "limited", {}, { activeDeadlineSeconds: 2 ** 31 - 1 });
    const late = waiting("ImagePullBackOff");
    await tell(ns, "limited", { main: late, [names.pushContainer]: ended(185, 3, 4) });
    const deadline = await until(async () => {
      const found = await deadlineOf(ns, "limited");
      return found !== undefined && found < 2 ** 31 - 1 && found;
    }, "a lower deadline");
    expect(await eventsOf(ns, "limited")).toMatchObject([{ reason: "PusherLost" }]);
    await tell(ns, "limited", { main: late, [names.pushContainer]: ended(143, 3, 4) });
    // What comes after it is looked at after it.
    await step(ns, "next");
    await tell(ns, "next", { main: startError(), [names.pushContainer]: running(3) });
    await untilEnded(ns, "next");
    expect(await deadlineOf(ns, "limited")).toBe(deadline);
    expect(await ns.events("limited")).toHaveLength(1);
    expect(operator.log.filter(({ message }) => message === "Reconciler error")).toEqual([]);
  });

  test("is another than one that waits for an image, has no kubelet, or has ended", async ({ ns }) => {
    const pods = ["waits", "untaken", "over"];
    for (const name of pods) await step(ns, name);
    await tell(ns, "waits", { main: waiting("ImagePullBackOff"), [names.pushContainer]: running(3) });
    const lost = { main: startError(), [names.pushContainer]: running(3) };
    await tell(ns, "over", lost, { phase: "Failed" });
    await tell(ns, "untaken", lost, { startTime: null });
    await step(ns, "lost");
    await tell(ns, "lost", lost);
    await untilEnded(ns, "lost");
    const deadlines = await Promise.all(pods.map((name) => deadlineOf(ns, name)));
    expect(deadlines).toEqual([undefined, undefined, undefined]);
    await eventsOf(ns, "lost");
    expect((await ns.events()).map(({ regarding }) => regarding.name)).toEqual(["lost"]);
  });
});
