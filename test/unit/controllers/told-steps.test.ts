import { expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { createAskHead } from "../../../src/controllers/ask-head.ts";
import { createCacheAccess } from "../../../src/controllers/cache-access.ts";
import { createPushes } from "../../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import { keepStep, type StepPod } from "../../../src/controllers/step-pods.ts";
import { toldSteps } from "../../../src/controllers/told-steps.ts";
import { createWorkflowSteps } from "../../../src/controllers/workflow-steps.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import type { HeadResult } from "../../../src/workflow/opening.ts";
import { cacheOf, jobOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { mirrorOf } from "../../support/mirrors.ts";

const waits: StepAnnotations = { "input-uri": "a/b:c", "wait-for-inputs": "true" };

function placed(object: object, namespace: string, waiting: string, status: object = {}): object {
  const { metadata } = object as { metadata: { name: string } };
  const labels = { [names.waitingLabel]: waiting };
  return {
    ...object,
    status,
    metadata: { ...metadata, namespace, uid: `${namespace}/${metadata.name}`, labels },
  };
}

test("steps that wait are told by their namespaces, and no others", () => {
  const failed = { conditions: [{ type: "Failed", status: "True" }] };
  const jobs = mirrorOf(
    [
      placed(jobOf("waits", waits), "a", "true"),
      placed(jobOf("started", waits), "a", "false"),
      placed(jobOf("never-came", waits), "a", "true", failed),
    ].map((job) => keepJob(job as StepJob)),
  );
  const pods = mirrorOf(
    [
      placed(podOf("waits", waits), "a", "true"),
      placed(podOf("waits", waits), "b", "true"),
      placed(podOf("started", waits), "b", "false"),
      placed(podOf("never-came", waits), "b", "true", { phase: "Failed" }),
    ].map((pod) => keepStep(pod as StepPod)),
  );
  const told = toldSteps(
    jobs as never,
    pods as never,
    createWorkflowSteps(jobs as never, pods as never, createPushes()),
  );
  expect(told().sort()).toEqual(["a", "a", "b"]);
  jobs.store.replaceAll([]);
  expect(told().sort()).toEqual(["a", "b"]);
});

test("the condition of a Pod that was told is kept, so that it is told once", () => {
  const conditions = [
    { type: "Ready", status: "True" },
    { type: names.inputsAvailable, status: "True" },
  ];
  const kept = keepStep(placed(podOf("step", waits), "a", "false", { conditions }) as StepPod);
  expect(kept.status?.conditions).toEqual([conditions[1]]);
});

const { signal } = new AbortController();
const accessBy = (client: KubeClient) =>
  createCacheAccess(client, { operatorKey: "key", clusterDomain: "cluster.local" }, signal);

test("each look for an input is counted by what came of it", async () => {
  const counted: HeadResult[] = [];
  const remote = cacheOf("remote", { deploy: false, registry: "https://ghcr.io" } as never);
  const stored = new Map([["a/remote", remote as unknown as StoredOrasCache]]);
  const { ask } = createAskHead({
    ...{ caches: { store: stored as never }, access: accessBy({} as never), signal },
    countHead: (result) => counted.push(result),
    remote: undefined,
  });
  const artifact = { repository: "a/b", version: ":c" };
  await ask("a", { ...artifact, registry: "cache remote" });
  await ask("a", { ...artifact, registry: "https://ghcr.io" });
  await ask("a", { ...artifact, registry: "cache oras", version: ":$(POD_NAME)" });
  await ask("a", { ...artifact, registry: "cache nowhere" });
  expect(counted).toEqual(["refused", "refused", "refused", "unknown"]);
});

test("that a registry is not ready is found out once for all that ask for something of it", async () => {
  let requests = 0;
  const client = {
    now: () => 0,
    request: () => {
      requests++;
      return Promise.resolve({ metadata: {}, items: [] });
    },
  };
  const cache = { ...cacheOf("oras"), metadata: { name: "oras", namespace: "a", uid: "u" } };
  const { ask } = createAskHead({
    caches: { store: new Map([["a/oras", cache as unknown as StoredOrasCache]]) as never },
    ...{ access: accessBy(client as never), signal },
    countHead: () => {},
    remote: undefined,
  });
  for (const version of [":1", ":2", ":3"])
    expect(await ask("a", { registry: "cache oras", repository: "a/b", version })).toEqual({
      unknown: expect.stringContaining("is not ready"),
    });
  expect(requests).toBe(1);
});
