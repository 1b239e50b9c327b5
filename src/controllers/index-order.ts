import { forgetOldest } from "../kube/forget.ts";
import { type Artifact, idIn } from "../workflow/step.ts";
import { pushesOf } from "./outcomes.ts";
import { completedAt } from "./output-indexes.ts";
import type { StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowStep, WorkflowSteps } from "./workflow-steps.ts";

/** When a step has ended, and what tells it from another one of that second. */
interface End {
  /** Such as `Job split`. */
  readonly name: string;
  readonly uid: string;
  readonly endedAt: number;
  readonly createdAt: number;
}

/** Which step was the last to end of those that write the same artifact. */
export interface IndexOrder {
  /** Such as `Job split`: what a step would write now is older than what this one has written, or is about to. */
  readonly laterThan: (step: WorkflowStep, artifact: Artifact) => string | undefined;
  /** The step may be deleted from now on: that it has written counts all the same. */
  readonly wrote: (step: WorkflowStep, artifact: Artifact) => void;
}

const mostRemembered = 20_000;

/**
 * Knows the order in which steps that write the same artifact have ended: an index may be written long after its Job was complete.
 *
 * @param steps - those that are there
 */
export function createIndexOrder(steps: Pick<WorkflowSteps, "namersOf">): IndexOrder {
  const last = new Map<string, End>();
  return {
    laterThan: (step, artifact) => {
      const own = endOf(step);
      const written = last.get(idIn(step.namespace, artifact));
      // One with variables in the name of its output may have pushed something else: an index that nobody writes is waited for in vain.
      const namers = steps.namersOf(step.namespace, artifact);
      return [written, ...namers.map(endOf)].find((end) => own && end && isLater(end, own))?.name;
    },
    wrote: (step, artifact) => {
      const end = endOf(step);
      if (end === undefined) return;
      const id = idIn(step.namespace, artifact);
      last.delete(id);
      last.set(id, end);
      forgetOldest(last, mostRemembered);
    },
  };
}

/** Undefined where it has not succeeded. */
function endOf({ object, isPod, state, name, uid, createdAt }: WorkflowStep): End | undefined {
  if (state !== "succeeded") return undefined;
  const endedAt = isPod
    ? pushesOf(object as StepPod)
        .at(-1)
        ?.finishedAt.getTime()
    : completeSince(object as StepJob);
  return endedAt === undefined ? undefined : { name, uid, endedAt, createdAt };
}

/** Of Jobs without an index the operator keeps less. */
function completeSince(job: StepJob): number | undefined {
  const complete = job.status?.conditions?.find(({ type }) => type === "Complete");
  const at = complete?.lastTransitionTime as string | Date | undefined;
  return completedAt(job) ?? (at === undefined ? undefined : new Date(at).getTime());
}

/** Times of Kubernetes are in seconds. */
function isLater(one: End, other: End): boolean {
  if (one.uid === other.uid) return false;
  if (one.endedAt !== other.endedAt) return one.endedAt > other.endedAt;
  if (one.createdAt !== other.createdAt) return one.createdAt > other.createdAt;
  return one.uid > other.uid;
}
