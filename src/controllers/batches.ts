import { names } from "../../schema/names.ts";
import { forgetOldest } from "../kube/forget.ts";
import { controllerOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { type BatchMembers, goneIn } from "../workflow/batch.ts";
import { readRecord } from "../workflow/record.ts";
import { hasRunJob, type StepJob } from "./step-jobs.ts";
import { hasRunPod, type StepPod } from "./step-pods.ts";
import type { WorkflowStep, WorkflowSteps } from "./workflow-steps.ts";

/** The steps of batches, with those that ended and are gone: with `ttlSecondsAfterFinished` a Job may go before the last one comes. */
export interface Batches {
  /** The other steps of the batch of a step, and itself. */
  readonly membersOf: (step: WorkflowStep) => BatchMembers;
}

interface Sources {
  readonly jobs: Pick<Reflector<StepJob>, "store" | "subscribe">;
  readonly pods: Pick<Reflector<StepPod>, "store" | "subscribe">;
  readonly steps: Pick<WorkflowSteps, "ofJob" | "ofPod" | "membersOf">;
  readonly client: { readonly now: () => number };
}

const mostBatches = 1_000;
const mostGone = 10_000;
/** Times of creation are whole seconds. */
const secondMs = 1_000;

/**
 * Watches steps of batches go.
 *
 * @param sources - see there
 */
export function createBatches({ jobs, pods, steps, client }: Sources): Batches {
  /** By batch: who, and when. */
  const gone = new Map<string, Map<string, number>>();
  const note = ({ namespace, plan: { batch } }: WorkflowStep, names: readonly string[]) => {
    if (batch === undefined || names.length === 0) return;
    const group = `${namespace} ${batch.name}`;
    const members = gone.get(group) ?? new Map<string, number>();
    gone.delete(group);
    gone.set(group, members);
    for (const name of names) {
      members.set(name, client.now());
      forgetOldest(members, mostGone);
    }
    forgetOldest(gone, mostBatches);
  };
  const change = (now: WorkflowStep | undefined, before: WorkflowStep | undefined) => {
    if (before && !now && hasRun(before)) note(before, [before.name]);
    // What the leader before this one knew.
    if (now?.plan.batch && !before) note(now, goneIn(now.plan.batch, recordOf(now)));
  };
  const changeJob = (now: StepJob | undefined, before?: StepJob) =>
    change(now && steps.ofJob(now), before && steps.ofJob(before));
  const changePod = (now: StepPod | undefined, before?: StepPod) =>
    change(now && steps.ofPod(now), before && steps.ofPod(before));
  for (const job of jobs.store.values()) changeJob(job);
  for (const pod of pods.store.values()) changePod(pod);
  jobs.subscribe((_key, now, before) => changeJob(now, before));
  pods.subscribe((_key, now, before) => changePod(now, before));

  return {
    membersOf: ({ namespace, plan: { batch } }) => {
      if (batch === undefined) return { there: new Set(), gone: [] };
      const members = steps.membersOf(namespace, batch.name);
      // What went before any of those came that have still to run was of an earlier run, with the same batch.
      const begun = members.filter(({ state }) => state === "live").map(({ createdAt }) => createdAt);
      const since = Math.min(...begun) + secondMs;
      const all = [...(gone.get(`${namespace} ${batch.name}`) ?? [])];
      return {
        there: new Set(members.map(memberOf)),
        gone: all.flatMap(([name, at]) => (at >= since ? [name] : [])),
      };
    },
  };
}

function recordOf({ object }: WorkflowStep): ReturnType<typeof readRecord> {
  return readRecord(object.metadata?.annotations?.[names.waitingForAnnotation]);
}

/** A Job that has its annotations in its template, too, is one step with its Pods. */
function memberOf({ object, name }: WorkflowStep): string {
  const owner = controllerOf(object);
  return owner?.kind === "Job" ? `Job ${owner.name}` : name;
}

/** Whether a step ended by itself: one that is deleted before did not. A Pod of a Job is a try of it. */
function hasRun(step: WorkflowStep): boolean {
  if (!step.isPod) return hasRunJob(step.object as StepJob);
  return controllerOf(step.object)?.kind !== "Job" && hasRunPod(step.object as StepPod);
}
