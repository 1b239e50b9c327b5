import { names } from "../../schema/names.ts";
import type { MemoMode } from "../annotations/settings.ts";
import { indexBy } from "../kube/index-by.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { type Flight, longestStartMs } from "../memo/decide.ts";
import { cacheOf, isHeld } from "../workflow/step.ts";
import { createJoined, type Joined } from "./memo-joined.ts";
import type { StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowStep, WorkflowSteps } from "./workflow-steps.ts";

type Mirror<T extends KubeObject> = Pick<Reflector<T>, "store" | "subscribe" | "synced">;

/** Steps by their keys, then by their UIDs, and since when they are there. */
type Groups = Map<string, Map<string, { readonly step: WorkflowStep; readonly at: number }>>;

/** Steps that were opened with a key, and those that wait for their results. */
export interface Flights {
  /** The others with a key. */
  readonly of: (step: WorkflowStep, key: string) => Flight[];
  /** A step is about to be opened with a key: it counts from now on, and not when its watch tells of it. */
  readonly reserve: (step: WorkflowStep, key: string) => void;
  /** It is not. */
  readonly release: (step: WorkflowStep, key: string) => void;
  /** A step waits for another one with its key; it is told of when that gets on. */
  readonly join: (step: WorkflowStep, key: string) => void;
  /** Tells the keys of Jobs, or of Pods, that wait for a step that got on. */
  readonly onWake: Joined["onWake"];
}

/** What has become of what a step made, behind its key in the annotation. */
export const recordWords = ["written", "refused", "different"] as const;

/** Key and what became of it, as the annotation of a step has them. */
export function memoKeyOf({ metadata }: KubeObject): { key: string; word: string | undefined } | undefined {
  const [key, word] = metadata?.annotations?.[names.memoKeyAnnotation]?.split(" ") ?? [];
  return key ? { key, word } : undefined;
}

/**
 * Views mirrored steps as flights.
 *
 * @param sources - the mirrors, and how steps are memoized
 */
export function createFlights({
  jobs,
  pods,
  steps,
  modeOf,
  now: clock,
}: {
  readonly jobs: Mirror<StepJob>;
  readonly pods: Mirror<StepPod>;
  readonly steps: WorkflowSteps;
  readonly modeOf: (step: WorkflowStep) => MemoMode;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}): Flights {
  const jobsWith = indexBy(jobs, (job) => groupOf(steps.ofJob(job)));
  const podsWith = indexBy(pods, (pod) => (memoKeyOf(pod) ? groupOf(steps.ofPod(pod)) : undefined));
  /** By key, then by UID. */
  const reserved: Groups = new Map();
  const joined = createJoined();
  const add = (all: Groups, group: string, step: WorkflowStep) =>
    all.set(group, (all.get(group) ?? new Map()).set(step.uid, { step, at: clock() }));
  const drop = (all: Groups, group: string, uid: string) => {
    all.get(group)?.delete(uid);
    if (all.get(group)?.size === 0) all.delete(group);
  };
  const change = (now: WorkflowStep | undefined, before: WorkflowStep | undefined) => {
    if (now && before && wordFor(now) === wordFor(before)) return;
    for (const step of [now, before]) {
      const group = groupOf(step);
      if (step === undefined || group === undefined) continue;
      drop(reserved, group, step.uid);
      if (step !== now || isOver(step)) joined.wake(group);
    }
  };
  /** What those that wait for it look at, in one word. */
  const wordFor = (step: WorkflowStep): string =>
    JSON.stringify([step.uid, step.state, step.isSuspended, memoKeyOf(step.object), modeOf(step)]);
  /** Nobody can wait for it any more. */
  const isOver = (step: WorkflowStep): boolean => {
    if (step.state === "failed" || memoKeyOf(step.object)?.word !== undefined) return true;
    return step.state === "live" && (isPaused(step) || modeOf(step) !== "on");
  };
  /** Somebody has suspended it; one that waits for its first quota is on its way as one that waits for a node. */
  const isPaused = (step: WorkflowStep): boolean =>
    step.isSuspended &&
    memoKeyOf(step.object) !== undefined &&
    (!step.isQueued || step.startedBefore || hasStarted(step, steps));
  const left = (now: KubeObject | undefined, before: KubeObject | undefined) => {
    const uid = before?.metadata?.uid;
    if (uid !== undefined && !(now?.metadata?.uid === uid && isHeld(now.metadata.labels))) joined.leave(uid);
  };
  const ofJob = (job: StepJob | undefined) => job && memoKeyOf(job) && steps.ofJob(job);
  const ofPod = (pod: StepPod | undefined) => pod && memoKeyOf(pod) && steps.ofPod(pod);
  jobs.subscribe((_key, now, before) => {
    change(ofJob(now), ofJob(before));
    left(now, before);
  });
  pods.subscribe((_key, now, before) => {
    change(ofPod(now), ofPod(before));
    left(now as KubeObject | undefined, before as KubeObject | undefined);
  });

  const flightOf = (step: WorkflowStep, reservedAt?: number): Flight => ({
    ...{ uid: step.uid, name: step.name, createdAt: step.createdAt, mode: modeOf(step), state: step.state },
    suspended: isPaused(step),
    started: hasStarted(step, steps),
    openedAt: openedAt(step) ?? reservedAt,
    recorded: memoKeyOf(step.object)?.word !== undefined,
  });
  return {
    of: (step, key) => {
      const group = groupFor(step, key);
      const there = [
        ...jobsWith(group).flatMap((job) => steps.ofJob(job) ?? []),
        ...podsWith(group).flatMap((pod) => steps.ofPod(pod) ?? []),
      ];
      const known = new Set(there.map(({ uid }) => uid));
      // One whose watch never tells of it, as it was deleted while that was broken, counts as long as any that does not start.
      const coming = [...(reserved.get(group)?.values() ?? [])].filter(
        ({ step: { uid } }) => !known.has(uid),
      );
      for (const { step: one, at } of coming)
        if (clock() - at >= longestStartMs) drop(reserved, group, one.uid);
      return [
        ...there.map((one) => flightOf(one)),
        ...coming.map(({ step: one, at }) => flightOf(one, at)),
      ].filter(({ uid }) => uid !== step.uid);
    },
    reserve: (step, key) => {
      add(reserved, groupFor(step, key), step);
      joined.reserve(step.uid);
    },
    release: (step, key) => {
      drop(reserved, groupFor(step, key), step.uid);
      joined.wake(groupFor(step, key));
    },
    join: (step, key) => joined.join(groupFor(step, key), step),
    onWake: joined.onWake,
  };
}

function groupOf(step: WorkflowStep | undefined): string | undefined {
  const known = step && memoKeyOf(step.object);
  return known && groupFor(step, known.key);
}

/** Results are those of a cache. */
function groupFor({ namespace, plan }: WorkflowStep, key: string): string {
  return `${namespace} ${plan.output && cacheOf(plan.output)} ${key}`;
}

function hasStarted({ isPod, object, uid }: WorkflowStep, steps: WorkflowSteps): boolean {
  const pods = isPod ? [object as StepPod] : steps.podsOfJob(uid);
  return pods.some(({ status }) => !["Pending", undefined].includes(status?.phase));
}

function openedAt({ object }: WorkflowStep): number | undefined {
  const { startTime, conditions } = (object as StepJob & StepPod).status ?? {};
  const opened = conditions?.find(({ type }) => type === names.inputsAvailable);
  const at = startTime ?? (opened?.status === "True" ? opened.lastTransitionTime : undefined);
  return at ? new Date(at).getTime() : undefined;
}
