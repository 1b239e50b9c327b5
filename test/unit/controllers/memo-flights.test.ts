import { expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { createFlights } from "../../../src/controllers/memo-flights.ts";
import { createPushes } from "../../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import type { StepPod } from "../../../src/controllers/step-pods.ts";
import { createWorkflowSteps } from "../../../src/controllers/workflow-steps.ts";
import { decideMemo, longestStartMs } from "../../../src/memo/decide.ts";
import { jobOf } from "../../support/builders.ts";
import { mirrorOf } from "../../support/mirrors.ts";
import { created } from "../../support/patched.ts";

const stepJob = (name: string, opened: { labels?: object; spec?: object; status?: object } = {}) => {
  const job = created(jobOf(name, { "output-uri": "a/b:c", memoize: "on" })) as StepJob;
  const { labels, annotations } = job.metadata ?? {};
  const isOpened = opened.status !== undefined;
  return keepJob({
    ...job,
    metadata: {
      ...{ ...job.metadata, namespace: "work", uid: name },
      labels: { ...labels, ...opened.labels, ...(isOpened && { [names.waitingLabel]: "false" }) },
      annotations: { ...annotations, ...(isOpened && { [names.memoKeyAnnotation]: "k" }) },
    },
    spec: { ...job.spec, ...opened.spec },
    status: opened.status,
  } as StepJob);
};

it("a step that was opened and is never heard of again holds others no longer than one that does not start", () => {
  const [jobs, pods] = [mirrorOf<StepJob>([stepJob("first"), stepJob("second")]), mirrorOf<StepPod>()];
  const steps = createWorkflowSteps(jobs, pods, createPushes());
  let now = 1_000;
  const flights = createFlights({ jobs, pods, steps, modeOf: () => "on", now: () => now });
  const [first, second] = ["first", "second"].map((name) => steps.job(`work/${name}`));
  if (first === undefined || second === undefined) throw new Error("they are no steps");
  const decision = () => {
    const facts = { found: undefined, unknownSince: now, flights: flights.of(second, "k") };
    return decideMemo({ mode: "on", now, ...facts }).kind;
  };
  flights.reserve(first, "k");
  // It is opened, and deleted while the watch is broken: the next list has neither.
  jobs.store.replaceAll([stepJob("second")]);
  expect(decision()).toBe("join");
  now += longestStartMs;
  expect(decision()).toBe("ask");
  expect(flights.of(second, "k")).toEqual([]);
});

const openedAt = Date.parse("2026-01-01T12:00:00Z");
const opened = {
  conditions: [{ type: names.inputsAvailable, status: "True", lastTransitionTime: "2026-01-01T12:00:00Z" }],
};
const queue = { [names.kueueQueueLabel]: "q" };
const started = { ...opened, startTime: "2026-01-01T12:00:00Z" };

it.each([
  ["that waits for its quota", queue, opened, 0, "join"],
  ["that waits for its quota too long", queue, opened, longestStartMs, "ask"],
  ["whose quota was taken away", queue, started, 0, "ask"],
  ["that somebody has suspended", {}, opened, 0, "ask"],
])("a Job %s", (_, labels, status, afterMs, kind) => {
  const [jobs, pods] = [
    mirrorOf<StepJob>([stepJob("first", { labels, status, spec: { suspend: true } }), stepJob("second")]),
    mirrorOf<StepPod>(),
  ];
  const steps = createWorkflowSteps(jobs, pods, createPushes());
  const now = openedAt + afterMs;
  const flights = createFlights({ jobs, pods, steps, modeOf: () => "on", now: () => now });
  const second = steps.job("work/second");
  const facts = { found: undefined, unknownSince: now, flights: second ? flights.of(second, "k") : [] };
  expect(facts.flights).toHaveLength(1);
  expect(decideMemo({ mode: "on", now, ...facts }).kind).toBe(kind);
});

it("a step whose result is to be forgotten is waited for no more", () => {
  const first = stepJob("first", { status: opened, spec: { suspend: false } });
  const refused = { [names.memoKeyAnnotation]: "k refused" };
  const forgotten = {
    ...first,
    metadata: { ...first.metadata, annotations: { ...first.metadata?.annotations, ...refused } },
  } as StepJob;
  const kinds = [first, forgotten].map((one) => {
    const [jobs, pods] = [mirrorOf<StepJob>([one, stepJob("second")]), mirrorOf<StepPod>()];
    const steps = createWorkflowSteps(jobs, pods, createPushes());
    const flights = createFlights({ jobs, pods, steps, modeOf: () => "on", now: () => openedAt });
    const second = steps.job("work/second");
    const facts = {
      found: undefined,
      unknownSince: openedAt,
      flights: second ? flights.of(second, "k") : [],
    };
    return decideMemo({ mode: "on", now: openedAt, ...facts }).kind;
  });
  expect(kinds).toEqual(["join", "ask"]);
});
