import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { pino } from "pino";
import { expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { indexText } from "../../../src/common/indexes.ts";
import { keysOf } from "../../../src/controllers/memo-keys.ts";
import { memoRecorders } from "../../../src/controllers/memo-record.ts";
import type { RecordSettings } from "../../../src/controllers/memo-record-units.ts";
import { createPushes } from "../../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import { keepStep, type StepPod } from "../../../src/controllers/step-pods.ts";
import { createWorkflowSteps } from "../../../src/controllers/workflow-steps.ts";
import { recordedInjection } from "../../../src/injection/marker.ts";
import { originalOf } from "../../../src/injection/original.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import type { EventNote } from "../../../src/kube/events.ts";
import type { NewMemoEntry } from "../../../src/memo/memos.ts";
import { tookIndexes } from "../../../src/memo/part.ts";
import { isForgotten, type MemoState, withoutKeys } from "../../../src/memo/state.ts";
import { jobOf } from "../../support/builders.ts";
import { digest } from "../../support/keys.ts";
import { mirrorOf } from "../../support/mirrors.ts";
import { created } from "../../support/patched.ts";

const ended = Date.parse("2026-01-01T12:00:00Z");

/** A Job that has succeeded and whose result is to be remembered, `afterMs` later. */
async function world(
  afterMs: number,
  memos: object,
  indexes = 1,
  mode = "on",
  taken: readonly number[] = [],
) {
  const map = { "output-uri": `a/b:${indexes > 1 ? "$(JOB_COMPLETION_INDEX)" : "c"}`, memoize: "on" };
  const indexed = { completionMode: "Indexed", completions: indexes, parallelism: 1 };
  const job = created(jobOf("step", map, "true", indexes > 1 ? indexed : {})) as V1Job;
  Object.assign(job.metadata?.labels ?? {}, { [names.waitingLabel]: "false" });
  const image = job.spec?.template.spec?.containers[0]?.image ?? "";
  Object.assign(job.metadata ?? {}, { namespace: "work", uid: "j", creationTimestamp: new Date(ended) });
  job.status = { conditions: [{ type: "Complete", status: "True", lastTransitionTime: new Date(ended) }] };
  const owner = { apiVersion: "batch/v1", kind: "Job", name: "step", uid: "j", controller: true };
  const message = JSON.stringify({ artifact: "r/a/b:c", digest: digest("d"), bytes: 1, seconds: 1 });
  const terminated = { exitCode: 0, finishedAt: new Date(ended), message };
  const podOf = (index: number) => ({
    ...{ apiVersion: "v1", kind: "Pod", spec: job.spec?.template.spec },
    metadata: {
      ...{ name: `step-${index}`, namespace: "work", uid: `p${index}`, ownerReferences: [owner] },
      labels: { "batch.kubernetes.io/job-completion-index": `${index}` },
    },
    status: {
      phase: "Succeeded",
      containerStatuses: [
        { name: "main", image, imageID: digest("b"), state: { terminated } },
        { name: names.pushContainer, state: { terminated } },
      ],
    },
  });
  const all = Array.from({ length: indexes }, (_, index) => podOf(index) as unknown as V1Pod).filter(
    (_, index) => !taken.includes(index),
  );
  const patches: string[] = [];
  const events: string[] = [];
  const client = {
    now: () => ended + afterMs,
    request: ({ method = "GET", body }: Parameters<KubeClient["request"]>[0]) => {
      if (method === "GET") return Promise.resolve(job);
      patches.push(JSON.stringify(body));
      return Promise.resolve({});
    },
  } as unknown as KubeClient;
  const pods = mirrorOf(
    all.map((pod) => keepStep(pod as StepPod, recordedInjection(pod.spec ?? { containers: [] }))),
  );
  const keeping = () => mirrorOf([keepJob({ ...job, kind: "Job" } as StepJob)]);
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
  Object.assign(job.metadata?.annotations ?? {}, {
    [names.memoKeyAnnotation]: keys.keyed.key,
    ...(taken.length > 0 && { [names.memoizedFromAnnotation]: tookIndexes("Job/a", indexText(taken)) }),
  });
  const [recorder] = memoRecorders({
    ...{ ...settingsOf(), memos, caches: { store: new Map() }, minor: 36, leftMs: () => 10_000 },
    ...{ log: pino({ enabled: false }), modeOf: () => mode },
    publish: (_: unknown, { type, reason, note }: EventNote) => void events.push(`${type} ${reason} ${note}`),
  } as unknown as RecordSettings);
  return { look: async () => recorder?.reconcile("work/step"), patches, events };
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

it("a Job of many indexes that is made again is remembered whole: what is forgotten is forgotten before", async () => {
  let state: MemoState | undefined;
  const written = new Map<string, number>();
  const memos = {
    forget: (_: string, ...keys: string[]) => {
      state = withoutKeys(state, keys);
      return Promise.resolve();
    },
    write: (_: string, { key }: NewMemoEntry) => {
      written.set(key, state?.epoch ?? 0);
      return Promise.resolve();
    },
  };
  const { look, patches } = await world(1_000, memos, 600, "refresh");
  await look();
  expect(patches.join()).toContain(" written");
  expect([...written].filter(([key, epoch]) => !isForgotten(state, key, epoch))).toHaveLength(600);
  // And nothing else was.
  expect(isForgotten(state, "f".repeat(64), 0)).toBe(false);
});

it("of a Job of which some indexes have taken results the others are remembered, each with its own tag and Pod", async () => {
  const written: NewMemoEntry[] = [];
  const write = (_: string, entry: NewMemoEntry) => Promise.resolve(void written.push(entry));
  const { look, patches } = await world(1_000, { write }, 6, "on", [0, 2, 3, 4]);
  await look();
  expect(patches.join()).toContain(" written");
  expect(written.map(({ tag, by }) => [tag, by.pod])).toEqual([
    ["1", "step-1"],
    ["5", "step-5"],
  ]);
  expect(new Set(written.map(({ key }) => key)).size).toBe(2);
});

const remembered = (made: string, uid = "other", key = "0".repeat(64)) => ({
  kind: "hit",
  entry: {
    key,
    at: "2026-01-01T11:00:00Z",
    output: { digest: digest(made) },
    by: { kind: "Job", name: "first", uid },
  },
});
const miss = { kind: "miss", because: "there is none" };

it.each<[string, readonly object[], RegExp, string]>([
  [
    "is the same",
    [remembered("d")],
    /^Normal MemoConfirmed Made sha256:d+, as Job first did at 2026-01-01T11:00:00Z, with the same key 000000000000\.$/,
    "written",
  ],
  [
    "is another",
    [remembered("e")],
    /^Warning MemoMismatch Made sha256:d+, and Job first made sha256:e+ /,
    "different",
  ],
  [
    "is none",
    [miss],
    /^Normal NothingToCompare There was no result with the key [0-9a-f]{12} to compare with\. /,
    "written",
  ],
  ["was written by an earlier try of this", [remembered("d", "j")], /^Normal NothingToCompare /, "written"],
  [
    "is the same of two indexes, and none of one",
    [remembered("d"), miss, remembered("d")],
    /^Normal MemoConfirmed .* So did 1 more of its indexes\. Of 1 of its indexes there was nothing to compare with\. /,
    "written",
  ],
  ["is another of one index", [remembered("d"), remembered("e")], /^Warning MemoMismatch /, "different"],
])("a step that is to be verified is told where what was remembered %s", async (_, found, says, word) => {
  const left = [...found];
  const memos = {
    find: () => Promise.resolve(left.shift()),
    write: () => Promise.resolve(),
    forget: () => Promise.resolve(),
  };
  const { look, patches, events } = await world(1_000, memos, found.length, "verify");
  await look();
  expect(events).toEqual([expect.stringMatching(says)]);
  expect(patches.join()).toContain(` ${word}`);
});

it("a step that is remembered as ever is told nothing then", async () => {
  const { look, events } = await world(1_000, { write: () => Promise.resolve() });
  await look();
  expect(events).toEqual([]);
});
