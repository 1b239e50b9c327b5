import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { jobOf, podOf, type StepAnnotations } from "./builders.ts";
import { minor, since } from "./kubernetes-version.ts";
import type { ObjectsIn } from "./objects-in.ts";

const now = () => new Date().toISOString();

/**
 * The status of a Job that has ended. Nothing runs Jobs beside an API server alone: a test says what their controller would.
 *
 * @param type - of the condition
 * @param reason - of the condition
 */
export function endOf(type: "Complete" | "Failed", reason: string): object {
  const met = {
    status: "True",
    reason,
    message: "as it ended",
    lastTransitionTime: now(),
    lastProbeTime: now(),
  };
  // An older API server refuses it of a Job without a successPolicy.
  const isMet = minor >= since.jobsAreMet ? ["SuccessCriteriaMet"] : [];
  const before = type === "Complete" ? isMet : ["FailureTarget"];
  const times = { startTime: now(), ...(type === "Complete" ? { completionTime: now(), succeeded: 1 } : {}) };
  return {
    ...times,
    conditions: [...before, type].map((one) => ({ type: one, ...met })),
  };
}

/** Makes a Job with the annotation and the label `run`: 17, and 18 for that which is named alone. */
export async function makeJob(
  ns: ObjectsIn,
  name: string,
  map: StepAnnotations,
  spec: object = {},
): Promise<void> {
  const run = name === "alone" ? "18" : "17";
  const job = jobOf(name, { run, ...map }, "true", spec);
  const labels = { run };
  await ns.create(resources.jobs, { ...job, metadata: { ...job.metadata, labels } } as KubeObject);
}

/** Makes a Pod of a Job, of which one container has ended. */
export async function makeEndedPod(
  ns: ObjectsIn,
  job: string,
  phase: string,
  container: string,
  end: object,
): Promise<void> {
  const uid = (await ns.read<KubeObject>(resources.jobs, job))?.metadata?.uid;
  const ownerReferences = [{ apiVersion: "batch/v1", kind: "Job", name: job, uid, controller: true }];
  const name = `${job}-x7k2p`;
  const labels = { "batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": job };
  await ns.create(resources.pods, {
    ...podOf(name),
    metadata: { name, ownerReferences, labels },
  } as KubeObject);
  const state = { terminated: { finishedAt: now(), containerID: "x", ...end } };
  const status = { name: container, ready: false, restartCount: 0, image: "x", imageID: "x", state };
  await ns.patchStatus(resources.pods, name, { phase, containerStatuses: [status] });
}
