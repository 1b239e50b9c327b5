import { forgetOldest } from "../kube/forget.ts";
import { type StepJob, stateOfJob } from "./step-jobs.ts";

/** What is known of the index of a Job: written, not to be written, or still to come. */
export type IndexState = { readonly digest: string } | "failed" | "due";

/** Which indexes this leader has written. */
export interface OutputIndexes {
  /** Undefined where the Job has none, has not succeeded, or had succeeded long before this process led. */
  readonly of: (job: StepJob) => IndexState | undefined;
  /** With "past", it is another Job's by now. */
  readonly note: (job: StepJob, state: Exclude<IndexState, "due"> | "past") => void;
}

/** What the leader before may have left undone. */
const overlapMs = 10 * 60_000;
const mostRemembered = 20_000;

/**
 * Remembers which indexes are written. Of Jobs that had succeeded before, all are.
 *
 * @param before - when the leader before was last there; milliseconds since 1970
 */
export function createOutputIndexes(before: number): OutputIndexes {
  const known = new Map<string, IndexState | "past">();
  const since = before - overlapMs;
  return {
    of: (job) => {
      if (job.plan?.index === undefined || stateOfJob(job) !== "succeeded") return undefined;
      const at = completedAt(job);
      if (at !== undefined && at < since) return undefined;
      const state = known.get(job.metadata?.uid ?? "") ?? "due";
      return state === "past" ? undefined : state;
    },
    note: (job, state) => {
      known.set(job.metadata?.uid ?? "", state);
      forgetOldest(known, mostRemembered);
    },
  };
}

/** When a Job was complete, if it is; milliseconds since 1970. */
export function completedAt({ status }: StepJob): number | undefined {
  const at = status?.completionTime as string | Date | undefined;
  return at === undefined ? undefined : new Date(at).getTime();
}
