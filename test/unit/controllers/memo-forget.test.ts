import { pino } from "pino";
import { expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { type ForgetSettings, forgetController } from "../../../src/controllers/memo-forget.ts";
import { createPushes } from "../../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import type { StepPod } from "../../../src/controllers/step-pods.ts";
import { createWorkflowSteps } from "../../../src/controllers/workflow-steps.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import type { KubeObject } from "../../../src/kube/objects.ts";
import type { Outcome } from "../../../src/memo/memos.ts";
import { jobOf, type StepAnnotations } from "../../support/builders.ts";
import { mirrorOf } from "../../support/mirrors.ts";
import { created } from "../../support/patched.ts";

const key = "k".repeat(64);

/** A Job of a namespace with a key, if it was opened with one. */
function job(name: string, memoKey?: string, map: StepAnnotations = {}, status: object = {}): StepJob {
  const indexed = { completionMode: "Indexed", completions: 1 };
  const whole = { "output-uri": `of/${name}:v1`, memoize: "on", ...map };
  const made = created(jobOf(name, whole, "true", indexed)) as StepJob;
  const annotations = {
    ...made.metadata?.annotations,
    ...(memoKey && { [names.memoKeyAnnotation]: memoKey }),
  };
  const labels = { ...made.metadata?.labels, [names.waitingLabel]: "false" };
  return keepJob({
    ...made,
    kind: "Job",
    metadata: { ...made.metadata, namespace: "work", uid: name, annotations, labels },
    status,
  } as StepJob);
}

/** What became of a request, and what was written on steps before it was answered. */
async function ask(request: string, latest: readonly string[] = []) {
  const cache = {
    metadata: {
      ...{ name: "oras", namespace: "work", uid: "c" },
      annotations: { [names.forgetAnnotation]: request },
    },
    spec: { deploy: true },
  } as unknown as StoredOrasCache;
  const complete = { conditions: [{ type: "Complete", status: "True" }] };
  const failed = { conditions: [{ type: "Failed", status: "True" }] };
  const jobs = mirrorOf([
    job("runs", key),
    job("ended", key, {}, complete),
    job("failed", key, {}, failed),
    job("known", `${key} written`, {}, complete),
    job("elsewhere", key, { "oras-cache": "other" }),
    job("plain"),
    job("many", key, { "output-uri": "of/many:$(JOB_COMPLETION_INDEX)" }),
  ]);
  const pods = mirrorOf<StepPod>();
  const steps = createWorkflowSteps(jobs, pods, createPushes());
  const written: string[] = [];
  const outcomes: Outcome[] = [];
  const client = {
    now: () => 0,
    request: ({ path, body }: { readonly path: string; readonly body: KubeObject }) => {
      const word = body.metadata?.annotations?.[names.memoKeyAnnotation]?.split(" ")[1];
      written.push(`${path.split("/").at(-1)} ${word}`);
      return Promise.resolve({});
    },
  } as unknown as KubeClient;
  const told: string[] = [];
  const settings = {
    ...{ client, jobs, pods, steps, log: pino({ enabled: false }), caches: mirrorOf([cache]) },
    publish: ({ metadata }: KubeObject, { reason }: { readonly reason: string }) =>
      void told.push(`${metadata?.name} ${reason}`),
    memos: {
      latestKeys: () => Promise.resolve(latest),
      answer: (_: string, __: string, outcome: Outcome) => {
        written.push("answer");
        outcomes.push(outcome);
        return Promise.resolve({ request, done: outcome.kind !== "refused", message: "" });
      },
    },
  } as unknown as ForgetSettings;
  await forgetController(settings).reconcile("work/oras");
  return { written, told, outcome: outcomes[0] };
}

it.each([
  ["job/runs 1", ["runs refused", "answer"]],
  ["job/ended 1", ["ended refused", "answer"]],
  ["job/known,job/failed 1", ["answer"]],
  ["job/many 1", ["many refused", "answer"]],
  ["all 1", ["runs refused", "ended refused", "many refused", "answer"]],
])("what a step is about to make is forgotten, too: %s", async (request, writes) => {
  const { written, told, outcome } = await ask(request);
  expect(outcome?.kind).not.toBe("refused");
  expect(written).toEqual(writes);
  const refused = writes.slice(0, -1).map((one) => one.replace("refused", "NotRemembered"));
  expect(told).toEqual([...refused, "oras Forgotten"]);
});

it.each([501, 1_000, 10_000, 10_001])(
  "%d results are forgotten at once, or none with what to do",
  async (count) => {
    const latest = Array.from({ length: count }, (_, i) => `${i}`.padStart(64, "0"));
    const { outcome } = await ask("job/many 1", latest);
    expect(outcome).toEqual(
      count <= 10_000
        ? { kind: "keys", steps: [{ id: "job/many", keys: latest }] }
        : {
            kind: "refused",
            because: expect.stringContaining("have 10001 results, and 10000 can be") as string,
          },
    );
  },
);

it("where one of several steps has nothing, all are remembered", async () => {
  const { written, outcome } = await ask("job/runs,job/plain 1");
  expect([outcome?.kind, written]).toEqual(["refused", ["answer"]]);
});
