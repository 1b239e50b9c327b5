import type { V1Job, V1JobStatus } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import { recordedInjection } from "../../../src/injection/marker.ts";
import { cacheOf, jobOf, type StepAnnotations } from "../../support/builders.ts";
import { created } from "../../support/patched.ts";

const nodeLogin = "oras-credentials-0123456789";
const cacheLogin = "oras-credentials-9876543210";
const around = { cache: cacheOf("oras", { nodeAddress: "nodes.example.com:30500" }), nodeLogin, cacheLogin };
const waits: StepAnnotations = { "input-uri": "a/b:c", "input-path": "/data", "wait-for-inputs": "true" };
const suspended = { suspend: true };

/** The logins that are known of a Job that was injected as it was created. */
function loginsOf(map: StepAnnotations, status: V1JobStatus = {}, spec: object = {}, metadata: object = {}) {
  const job = created(jobOf("step", map, "true", spec), around) as V1Job;
  const { spec: pod } = job.spec?.template ?? {};
  const stored = { ...job, metadata: { ...job.metadata, ...metadata }, status } as StepJob;
  return keepJob(stored, pod && recordedInjection(pod)).logins;
}

const ended = (type: string): V1JobStatus => ({ conditions: [{ type, status: "True" }] });

describe("the logins of a Job's Pods are known while it may make one", () => {
  it.each<[string, StepAnnotations, V1JobStatus, object]>([
    ["held for its inputs", waits, {}, {}],
    [
      "held for one in each Pod",
      { ...waits, "input-uri": "a/b:$(JOB_COMPLETION_INDEX)" },
      {},
      { completionMode: "Indexed", completions: 2, parallelism: 1 },
    ],
    ["suspended by its author, or for a queue", { "output-uri": "a/b:c" }, ended("Suspended"), suspended],
    [
      "that has run before it was suspended",
      { "output-uri": "a/b:c" },
      { startTime: new Date(), failed: 1 },
      suspended,
    ],
    [
      "between two tries",
      { "output-uri": "a/b:c" },
      { startTime: new Date(), failed: 1 },
      { backoffLimit: 6 },
    ],
    ["without room for a Pod", { "output-uri": "a/b:c" }, {}, { parallelism: 0 }],
  ])("%s", (_, map, status, spec) => {
    expect(loginsOf(map, status, spec)).toEqual([cacheLogin]);
  });

  it("also that of nodes, which its Pods alone will name", () => {
    expect(loginsOf({ ...waits, "input-as": "volume" })).toEqual([cacheLogin, nodeLogin]);
  });

  it.each(["Complete", "Failed", "FailureTarget"])("and not when it is %s", (type) => {
    expect(loginsOf(waits, ended(type))).toBeUndefined();
  });

  it("nor when it is deleted, or has none", () => {
    expect(loginsOf(waits, {}, {}, { deletionTimestamp: new Date() })).toBeUndefined();
    expect(loginsOf({ ...waits, registry: "ghcr.io" })).toBeUndefined();
  });
});
