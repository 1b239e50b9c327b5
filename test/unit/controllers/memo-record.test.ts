import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { pino } from "pino";
import { expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { keysOf } from "../../../src/controllers/memo-keys.ts";
import { memoRecorders, type RecordSettings } from "../../../src/controllers/memo-record.ts";
import { createPushes } from "../../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import { keepStep, type StepPod } from "../../../src/controllers/step-pods.ts";
import { createWorkflowSteps } from "../../../src/controllers/workflow-steps.ts";
import { recordedInjection } from "../../../src/injection/marker.ts";
import { originalOf } from "../../../src/injection/original.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import type { KubeObject } from "../../../src/kube/objects.ts";
import { createStore } from "../../../src/kube/store.ts";
import { jobOf } from "../../support/builders.ts";
import { digest } from "../../support/keys.ts";
import { created } from "../../support/patched.ts";

const ended = Date.parse("2026-01-01T12:00:00Z");

function mirror<T extends KubeObject>(objects: readonly T[]) {
  const store = createStore<T>(() => {});
  store.replaceAll(objects);
  return { store, synced: Promise.resolve(), subscribe: () => () => {} };
}

/** A Job that has succeeded and whose result is to be remembered, `afterMs` later. */
async function world(afterMs: number, memos: object) {
  const job = created(jobOf("step", { "output-uri": "a/b:c", memoize: "on" })) as V1Job;
  const image = job.spec?.template.spec?.containers[0]?.image ?? "";
  Object.assign(job.metadata ?? {}, { namespace: "work", uid: "j", creationTimestamp: new Date(ended) });
  job.status = { conditions: [{ type: "Complete", status: "True", lastTransitionTime: new Date(ended) }] };
  const owner = { apiVersion: "batch/v1", kind: "Job", name: "step", uid: "j", controller: true };
  const message = JSON.stringify({ artifact: "r/a/b:c", digest: digest("d"), bytes: 1, seconds: 1 });
  const terminated = { exitCode: 0, finishedAt: new Date(ended), message };
  const pod = {
    ...{ apiVersion: "v1", kind: "Pod", spec: job.spec?.template.spec },
    metadata: { name: "step-x", namespace: "work", uid: "p", ownerReferences: [owner] },
    status: {
      phase: "Succeeded",
      containerStatuses: [
        { name: "main", image, imageID: digest("b"), state: { terminated } },
        { name: names.pushContainer, state: { terminated } },
      ],
    },
  } as unknown as V1Pod;
  const patches: string[] = [];
  const client = {
    now: () => ended + afterMs,
    request: ({ method = "GET", body }: Parameters<KubeClient["request"]>[0]) => {
      if (method === "GET") return Promise.resolve(job);
      patches.push(JSON.stringify(body));
      return Promise.resolve({});
    },
  } as unknown as KubeClient;
  const pods = mirror([keepStep(pod as StepPod, recordedInjection(pod.spec ?? { containers: [] }))]);
  const keeping = () => mirror([keepJob({ ...job, kind: "Job" } as StepJob)]);
  const base = { client, originalOf, filesOf: () => Promise.resolve([]) };
  const settingsOf = () => {
    const jobs = keeping();
    return {
      ...{ ...base, jobs, pods, steps: createWorkflowSteps(jobs as never, pods as never, createPushes()) },
      digestsOf: () => Promise.resolve([digest("b")]),
    };
  };
  const first = settingsOf();
  const step = first.steps.job("work/step");
  const keys = step && (await keysOf(first, step));
  if (keys?.kind !== "keyed") throw new Error(JSON.stringify(keys));
  Object.assign(job.metadata?.annotations ?? {}, { [names.memoKeyAnnotation]: keys.keyed.key });
  const [recorder] = memoRecorders({
    ...{ ...settingsOf(), memos, caches: { store: new Map() }, minor: 36, leftMs: () => 10_000 },
    ...{ log: pino({ enabled: false }), publish: () => {}, modeOf: () => "on" },
  } as unknown as RecordSettings);
  return { look: async () => recorder?.reconcile("work/step"), patches };
}

const full = { write: () => Promise.reject(new Error("no space left")) };

it("a result is remembered, and the step says so", async () => {
  const { look, patches } = await world(1_000, { write: () => Promise.resolve() });
  await look();
  expect(patches.join()).toContain(" written");
});

it("a registry that takes no entry is tried again", async () => {
  const { look, patches } = await world(1_000, full);
  await expect(look()).rejects.toThrow("no space left");
  expect(patches).toEqual([]);
});

it("is given up after ten minutes: steps that are equal wait until it is known", async () => {
  const { look, patches } = await world(11 * 60_000, full);
  await expect(look()).resolves.toBeUndefined();
  expect(patches.join()).toContain(" refused");
});
