import type { V1ContainerStatus, V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { troubleOf } from "../../cache/trouble.ts";
import { outcomesOf } from "../../controllers/outcomes.ts";
import type { StepFacts } from "../../lineage/graph.ts";
import { isHeld } from "../../workflow/step.ts";

/** How a step is, and why. */
export type Standing = Pick<StepFacts, "state" | "reason" | "message" | "completions">;

/**
 * How a Job is: its conditions say, else its Pods.
 *
 * @param job - with its status
 * @param pods - that the Job has made
 */
export function standingOfJob(job: V1Job, pods: readonly V1Pod[]): Standing {
  const { conditions = [], succeeded = 0, failed = 0, failedIndexes } = job.status ?? {};
  const met = (type: string) => conditions.find((each) => each.type === type && each.status === "True");
  const wanted = job.spec?.completions ?? 1;
  const counted = wanted > 1 ? { completions: { wanted, succeeded, failed, failedIndexes } } : {};
  if (met("Complete")) return { state: "succeeded", ...counted };
  const end = met("Failed");
  if (end) {
    const told = { reason: end.reason ?? "JobFailed", message: end.message };
    return { state: "failed", ...(whyFailed(pods) ?? told), ...counted };
  }
  const held = heldIn([job]);
  if (held) return { ...held, ...counted };
  if (job.spec?.suspend) return { state: "suspended", ...counted };
  return { ...ofLivePods(pods), ...counted };
}

/**
 * How a Pod is that no Job has made.
 *
 * @param pod - with its status
 */
export function standingOfPod(pod: V1Pod): Standing {
  const { phase, reason, message } = pod.status ?? {};
  if (phase === "Succeeded") return { state: "succeeded" };
  if (phase !== "Failed") return ofLivePods([pod]);
  return { state: "failed", ...(whyFailed([pod]) ?? { reason: reason ?? "PodFailed", message }) };
}

/** The Pod that is furthest counts; of those that have not started, one in trouble. */
function ofLivePods(pods: readonly V1Pod[]): Standing {
  const live = pods.filter(({ status }) => !["Succeeded", "Failed"].includes(status?.phase ?? ""));
  if (live.some(({ status }) => status?.phase === "Running")) return { state: "running" };
  const isGated = ({ spec }: V1Pod) => (spec?.schedulingGates ?? []).length > 0;
  const open = live.filter((pod) => !isGated(pod));
  if (live.length > 0 && open.length === 0) return heldIn(live) ?? { state: "gated" };
  // A Job waits longer after each attempt that failed.
  const trouble = open.map(troubleOf).find((found) => found !== undefined) ?? whyFailed(pods);
  return { state: "waiting", ...(trouble && { reason: trouble.reason, message: trouble.message }) };
}

/** What the first that waits for its inputs says of them. */
function heldIn(objects: readonly (V1Job | V1Pod)[]): Standing | undefined {
  const held = objects.find(({ metadata }) => isHeld(metadata?.labels));
  if (held === undefined) return undefined;
  const conditions: readonly { type: string; reason?: string; message?: string }[] =
    held.status?.conditions ?? [];
  const { reason, message } = conditions.find(({ type }) => type === names.inputsAvailable) ?? {};
  return { state: "waiting", ...(reason && { reason }), ...(message && { message }) };
}

/** What the latest Pod that failed says: the operator's own words, else how a container ended. */
function whyFailed(pods: readonly V1Pod[]): Pick<Standing, "reason" | "message"> | undefined {
  const failed = pods.filter(({ status }) => status?.phase === "Failed").sort(byCreation);
  const pod = failed.at(-1);
  if (pod === undefined) return undefined;
  const told = outcomesOf(pod).findLast(({ note }) => note.type === "Warning" && note.action === "Step");
  if (told) return { reason: told.note.reason, message: told.note.note };
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses].map(badEnd).find((found) => found !== undefined);
}

function badEnd({ name, state }: V1ContainerStatus): Pick<Standing, "reason" | "message"> | undefined {
  const { exitCode = 0, reason = "Error" } = state?.terminated ?? {};
  if (exitCode === 0) return undefined;
  return { reason, message: `The container ${name} ended with exit code ${exitCode}.` };
}

function byCreation(a: V1Pod, b: V1Pod): number {
  const created = ({ metadata }: V1Pod) => new Date(metadata?.creationTimestamp ?? 0).getTime();
  return created(a) - created(b);
}
