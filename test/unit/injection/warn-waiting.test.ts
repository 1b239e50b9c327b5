import { describe, expect, it } from "vitest";
import type { Verdict } from "../../../src/injection/admission-types.ts";
import { cacheOf, jobOf, keyed, keyOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { admit, createRequest } from "../../support/pods.ts";

const cache = cacheOf("oras");
const waits: StepAnnotations = { "input-uri": "a/b:c", "wait-for-inputs": "true" };
const byIndex: StepAnnotations = { ...waits, "input-uri": "a/b:$(JOB_COMPLETION_INDEX)" };
const indexed = { completionMode: "Indexed", completions: 6, parallelism: 6 };
const inPod: StepAnnotations = { ...waits, "input-uri": "a/b:$(NODE_NAME)" };

function ask(object: { kind?: string }): Verdict {
  return admit(createRequest(object), { cache });
}

function told(object: { kind?: string }): string[] {
  return ask(object).warnings.map(({ code, path }) => `${code} ${path}`);
}

function ownedBy<T extends { metadata: object }>(object: T, apiVersion: string, kind: string): T {
  const ownerReferences = [{ apiVersion, kind, name: "x", uid: "x", controller: true }];
  return { ...object, metadata: { ...object.metadata, ownerReferences } };
}

function onTemplate(map: StepAnnotations, spec: object) {
  const job = jobOf("step", {}, "true", spec) as { kind?: string; spec: { template: object } };
  const template = { ...job.spec.template, metadata: { annotations: keyed(map) } };
  return { ...job, spec: { ...job.spec, template } };
}

describe("a deadline that runs while the step waits", () => {
  const deadline = { activeDeadlineSeconds: 60 };

  it.each<[string, { kind?: string }, string]>([
    ["a Job whose Pods wait", jobOf("step", byIndex, "true", { ...indexed, ...deadline }), "spec"],
    [
      "a Job of another controller",
      ownedBy(jobOf("step", waits, "true", deadline), "jobset.x-k8s.io/v1alpha2", "JobSet"),
      "spec",
    ],
    ["a Job with annotations on its template", onTemplate(waits, deadline), "spec"],
    ["a Job whose containers wait", jobOf("step", inPod, "true", deadline), "spec"],
    ["a Pod whose container waits", podOf("step", inPod, "true", {}, deadline), "spec"],
    [
      "the Pods of a Job that wait in a container",
      jobOf("step", inPod, "true", {}, deadline),
      "spec.template.spec",
    ],
  ])("%s", (_, object, path) => {
    expect(told(object)).toContain(`DeadlineWhileWaiting ${path}.activeDeadlineSeconds`);
  });

  it.each<[string, { kind?: string }]>([
    ["a Job that is suspended", jobOf("step", waits, "true", deadline)],
    [
      "the Job of a CronJob, which is suspended",
      ownedBy(jobOf("step", waits, "true", deadline), "batch/v1", "CronJob"),
    ],
    ["a Pod without a node", podOf("step", waits, "true", {}, deadline)],
    ["Pods of a Job without a node", jobOf("step", byIndex, "true", indexed, deadline)],
    ["a Job that does not wait", jobOf("step", { "input-uri": "a/b:c" }, "true", deadline)],
    ["a Job that says so", jobOf("step", { ...waits, "wait-for-inputs": "false" }, "true", deadline)],
  ])("does not, of %s", (_, object) => {
    expect(told(object)).toEqual([]);
  });
});

describe("a Pod that waits in the place of another", () => {
  const narrow = { ...indexed, parallelism: 2 };

  it("is told where each index has inputs of its own", () => {
    expect(told(jobOf("step", byIndex, "true", narrow))).toEqual(["WaitingTakesPlace spec.parallelism"]);
    expect(told(onTemplate(byIndex, narrow))).toEqual(["WaitingTakesPlace spec.parallelism"]);
    const { parallelism: _, ...one } = narrow;
    expect(told(jobOf("step", byIndex, "true", one))).toEqual(["WaitingTakesPlace spec.parallelism"]);
  });

  it("is not told where all start at a time, or wait for the same", () => {
    expect(told(jobOf("step", byIndex, "true", indexed))).toEqual([]);
    expect(told(jobOf("step", waits, "true", narrow))).toEqual([]);
    expect(told(jobOf("step", { ...byIndex, "wait-for-inputs": "false" }, "true", narrow))).toEqual([]);
  });
});

describe("Pods of a rollout", () => {
  const code = `WaitsInRollout ${keyOf("wait-for-inputs")}`;
  const pod = podOf("step", waits, "true", {}, { restartPolicy: "Always" });

  it.each(["ReplicaSet", "StatefulSet", "DaemonSet", "Deployment"])("of a %s are told", (kind) => {
    expect(told(ownedBy(pod, "apps/v1", kind))).toContain(code);
  });

  it.each([
    ["batch/v1", "Job"],
    ["example.com/v1", "ReplicaSet"],
  ])("of %s %s are not", (apiVersion, kind) => {
    expect(told(ownedBy(podOf("step", waits), apiVersion, kind))).toEqual([]);
  });
});

describe("a step that waits for its own output", () => {
  const both: StepAnnotations = { ...waits, "output-uri": "a/b:c", "output-path": "out" };

  it("is told so, and not of retries", () => {
    expect(told(podOf("step", both))).toEqual([`WaitsForItself ${keyOf("output-uri")}`]);
    expect(told(jobOf("step", both))).toEqual([`WaitsForItself ${keyOf("output-uri")}`]);
    expect(told(podOf("step", { ...both, "wait-for-inputs": "false" }))).toEqual([
      `OutputIsInput ${keyOf("output-uri")}`,
    ]);
  });
});

describe("the number of inputs", () => {
  const many = (count: number, more: StepAnnotations = {}): StepAnnotations => ({
    ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`input-uri_${i + 1}`, `a/b:${i}`])),
    ...more,
  });

  it("of a step that waits is 64 at most", () => {
    expect(ask(podOf("step", many(64, { "wait-for-inputs": "true" }))).kind).toBe("allowed");
    const verdict = ask(podOf("step", many(65, { "wait-for-inputs": "true" })));
    expect(verdict).toMatchObject({ kind: "denied", code: 422 });
    expect((verdict as { message: string }).message).toMatch(
      /wait-for-inputs: found 65 inputs; a step that waits for them has 64 at most\. .* \(TooManyInputs\)$/,
    );
  });

  it("of one that does not wait is none of the leader's business", () => {
    expect(ask(podOf("step", many(65))).kind).toBe("allowed");
    expect(ask(podOf("step", many(65, { "wait-for-inputs": "false" }))).kind).toBe("allowed");
  });
});
