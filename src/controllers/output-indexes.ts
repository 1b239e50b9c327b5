import { names } from "../../schema/names.ts";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import { forgetOldest } from "../kube/forget.ts";
import { patchStrategic } from "../kube/objects.ts";
import { resources } from "../kube/resources.ts";
import { conditionOf, type Told } from "./gate-writes.ts";
import { otherManagerOf, type StepJob, stateOfJob } from "./step-jobs.ts";

/** What is known of the index of a Job: written, not to be written, or still to come. */
export type IndexState = { readonly digest: string } | "failed" | "due";

/** What has become of the indexes of Jobs. */
export interface OutputIndexes {
  /** Undefined where the Job has none, or has not succeeded, or what its tag names is what the registry says. */
  readonly of: (job: StepJob) => IndexState | undefined;
  /** With "past", it is another Job's by now. */
  readonly note: (job: StepJob, state: Exclude<IndexState, "due"> | "past") => void;
  /**
   * Whether a leader was there long after a Job was complete, and has neither written its index nor said on the Job that it is still
   * to be written: it was so before that was said on Jobs, or somebody has taken it away. What its tag names may be newer.
   */
  readonly isOld: (job: StepJob) => boolean;
}

/** Of a Job whose index is still to be written: the next leader goes on. */
export const pendingReason = "IndexPending";

/** What the leader before may have left undone, of which Jobs do not say it. */
const overlapMs = 10 * 60_000;
const mostRemembered = 20_000;

/**
 * Knows which indexes are written: what this leader has done, and for what was before that, what stands on the Jobs.
 *
 * @param before - when the leader before was last there, in milliseconds since 1970
 * @param marks - whether the operator may write on Jobs. Where it may not, the index of a Job that was complete long before counts
 * as written
 */
export function createOutputIndexes(before: number | undefined, marks: boolean): OutputIndexes {
  const known = new Map<string, IndexState | "past">();
  const isOld = (job: StepJob) => {
    const at = completedAt(job);
    const isLong = before !== undefined && at !== undefined && at < before - overlapMs;
    return isLong && conditionIn(job) === undefined;
  };
  return {
    isOld,
    of: (job) => {
      if (job.plan?.index === undefined || stateOfJob(job) !== "succeeded") return undefined;
      const state = known.get(job.metadata?.uid ?? "");
      if (state !== undefined) return state === "past" ? undefined : state;
      const isMarked = marks && otherManagerOf(job) === undefined;
      return !isMarked && isOld(job) ? undefined : stateBefore(job);
    },
    note: (job, state) => {
      known.set(job.metadata?.uid ?? "", state);
      forgetOldest(known, mostRemembered);
    },
  };
}

function conditionIn({ status }: StepJob) {
  return status?.conditions?.find(({ type }) => type === names.outputIndexed);
}

/** What an earlier leader has done. */
function stateBefore(job: StepJob): IndexState | undefined {
  const told = conditionIn(job);
  if (told === undefined || told.reason === pendingReason) return "due";
  return told.status === "False" ? "failed" : undefined;
}

/** When a Job was complete, if it is; milliseconds since 1970. */
export function completedAt({ status }: StepJob): number | undefined {
  const at = status?.completionTime as string | Date | undefined;
  return at === undefined ? undefined : new Date(at).getTime();
}

/**
 * Says on a Job what has become of its index, so that no later leader looks for it again; unless its status is somebody else's.
 *
 * @param client - of the API server
 * @param job - that is complete; it may be gone
 * @param told - what its condition says
 */
export async function markIndexed(client: KubeClient, job: StepJob, told: Told): Promise<void> {
  if (otherManagerOf(job) !== undefined) return;
  const { namespace, name, uid } = job.metadata ?? {};
  try {
    await patchStrategic(
      client,
      resources.jobs,
      { namespace, name, subresource: "status" },
      { metadata: { uid }, status: { conditions: [conditionOf(names.outputIndexed, told, client.now())] } },
    );
  } catch (error) {
    // It was deleted, or made again.
    if (!isStatus(error, 404, 409)) throw error;
  }
}
