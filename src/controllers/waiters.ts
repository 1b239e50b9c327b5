import { forgetOldest } from "../kube/forget.ts";
import { controllerOf, type KubeObject, nameOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { type Artifact, cacheOf, idOf, isHeld, isOpen, mayPush } from "../workflow/step.ts";
import type { Heads } from "./heads.ts";
import { hasOnePod, type StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowStep, WorkflowSteps } from "./workflow-steps.ts";

/** Who waits for what, and when steps came. */
export interface Waiters {
  /** Tells the keys of Jobs, or of Pods, that wait for something that has changed. */
  readonly onWake: (isPod: boolean, tell: (key: string) => void) => void;
  /** Whether any step waits for an artifact. */
  readonly anyOn: (namespace: string, artifact: Artifact) => boolean;
  /** Whether any step waits for something of a cache, by its key. */
  readonly anyFor: (cache: string) => boolean;
  /** Looks again at the steps that wait for an artifact. */
  readonly wake: (namespace: string, artifact: Artifact) => void;
  /** Looks again at all that wait for something of a cache, and at what it has. */
  readonly wakeAllOf: (cache: string) => void;
  /** When a step of a namespace was created last, as far as this process has seen; milliseconds since 1970. */
  readonly lastArrival: (namespace: string) => number;
}

type Mirror<T extends KubeObject> = Pick<Reflector<T>, "store" | "subscribe" | "synced">;

interface Sources {
  readonly jobs: Mirror<StepJob>;
  readonly pods: Mirror<StepPod>;
  readonly steps: WorkflowSteps;
  readonly heads: Heads;
  readonly client: { readonly now: () => number };
}

const mostNamespaces = 10_000;

/**
 * Watches steps for those that wait.
 *
 * @param sources - see there
 */
export function createWaiters({ jobs, pods, steps, heads, client }: Sources): Waiters {
  const waiting = new Map<string, Map<string, WorkflowStep>>();
  const idsOf = new Map<string, readonly string[]>();
  const arrivals = new Map<string, number>();
  const tells = new Map<boolean, (key: string) => void>();
  const wake = (step: WorkflowStep) => tells.get(step.isPod)?.(step.key);

  const forget = (uid: string) => {
    for (const id of idsOf.get(uid) ?? []) {
      const members = waiting.get(id);
      members?.delete(uid);
      if (members?.size === 0) waiting.delete(id);
    }
    idsOf.delete(uid);
  };
  const register = (ids: readonly string[], step: WorkflowStep) => {
    forget(step.uid);
    for (const id of ids) waiting.set(id, (waiting.get(id) ?? new Map()).set(step.uid, step));
    if (ids.length > 0) idsOf.set(step.uid, ids);
  };
  const members = (id: string) => [...(waiting.get(id)?.values() ?? [])];
  const arrive = (step: WorkflowStep) => {
    const last = arrivals.get(step.namespace) ?? 0;
    arrivals.delete(step.namespace);
    // Those that are there at the start come in any order.
    arrivals.set(step.namespace, Math.max(last, step.createdAt, arrivedAt(step, client.now())));
    forgetOldest(arrivals, mostNamespaces);
    // What a registry said before a step came may have changed since, by somebody who is no step.
    if (isHeld(step.object.metadata?.labels))
      for (const input of step.plan.inputs) heads.outdated(step.namespace, input);
  };
  /** What it may have pushed; of several Pods that push with variables, when all of them have. */
  const outdate = (step: WorkflowStep, now: WorkflowStep | undefined, before: WorkflowStep | undefined) => {
    const { plan, namespace } = step;
    const { output } = plan;
    if (output === undefined) return;
    if (!isOpen(output)) heads.outdated(namespace, output);
    else if (now?.state !== before?.state || hasOnePush(step))
      heads.outdatedWhere(namespace, (artifact) => mayPush(output, artifact));
  };
  const wakeOthers = ({ namespace, plan: { output, batch } }: WorkflowStep, comesOrGoes: boolean) => {
    if (output && !isOpen(output)) members(`${namespace} ${idOf(output)}`).forEach(wake);
    else if (output)
      members(`${namespace} any`)
        .filter((other) => other.plan.inputs.some((input) => mayPush(output, input)))
        .forEach(wake);
    // Of a batch it counts how many there are, not how they get on.
    if (batch && comesOrGoes) members(`${namespace} batch ${batch.name}`).forEach(wake);
  };
  const change = (now: WorkflowStep | undefined, before: WorkflowStep | undefined) => {
    const step = now ?? before;
    if (step === undefined) return;
    // Of the same name, made again.
    if (now && before && now.uid !== before.uid) {
      change(undefined, before);
      change(now, undefined);
      return;
    }
    register(waitsOn(now), step);
    if (now && !before) arrive(now);
    outdate(step, now, before);
    // What it makes no more is somebody else's, or nobody's.
    const hasMoved = now !== undefined && before !== undefined && roleOf(now) !== roleOf(before);
    if (hasMoved) wakeOthers(before, true);
    wakeOthers(step, hasMoved || !(now && before));
  };
  /** One whose plan cannot be known any more, as its Job went first, is forgotten, too. */
  const forgetGone = (now: KubeObject | undefined, before: KubeObject | undefined) => {
    const { uid } = before?.metadata ?? {};
    if (uid !== undefined && uid !== now?.metadata?.uid) forget(uid);
  };
  const changeJob = (now: StepJob | undefined, before: StepJob | undefined) => {
    const step = now && steps.ofJob(now);
    const last = before && steps.ofJob(before);
    change(step, last);
    forgetGone(now, before);
    const known = last?.uid === step?.uid ? last : undefined;
    if (step === undefined || JSON.stringify(step.plan) === JSON.stringify(known?.plan)) return;
    // What its Pods wait for is said on it, and they may have been seen before it was.
    for (const pod of steps.podsOfJob(step.uid)) {
      const view = steps.ofPod(pod);
      change(view, known && view);
      if (view && isHeld(view.object.metadata?.labels)) wake(view);
    }
  };
  /** A Pod of a Job is how the Job gets on. */
  const changePod = (pod: StepPod | undefined) => {
    const owner = pod && controllerOf(pod);
    const job = owner?.kind === "Job" ? steps.job(`${pod?.metadata?.namespace}/${owner.name}`) : undefined;
    if (job) change(job, job);
  };
  for (const job of jobs.store.values()) changeJob(job, undefined);
  for (const pod of pods.store.values()) change(steps.ofPod(pod), undefined);
  jobs.subscribe((_key, now, before) => changeJob(now, before));
  pods.subscribe((_key, now, before) => {
    change(now && steps.ofPod(now), before && steps.ofPod(before));
    forgetGone(now, before);
    changePod(now ?? before);
  });

  return {
    anyOn: (namespace, artifact) => waiting.has(`${namespace} ${idOf(artifact)}`),
    anyFor: (cache) => waiting.has(forCache(nameOf(cache).namespace, nameOf(cache).name)),
    wake: (namespace, artifact) => members(`${namespace} ${idOf(artifact)}`).forEach(wake),
    wakeAllOf: (cache) => {
      for (const step of members(forCache(nameOf(cache).namespace, nameOf(cache).name))) {
        for (const input of step.plan.inputs) heads.outdated(step.namespace, input);
        wake(step);
      }
    },
    onWake: (isPod, tell) => tells.set(isPod, tell),
    lastArrival: (namespace) => arrivals.get(namespace) ?? 0,
  };
}

function hasOnePush({ isPod, object }: WorkflowStep): boolean {
  return isPod || hasOnePod(object as StepJob);
}

/** What a step is to others. */
function roleOf({ plan: { output, batch } }: WorkflowStep): string {
  return JSON.stringify([output, batch]);
}

/** What was created before this process saw it came when it was created; times of objects are whole seconds. */
function arrivedAt({ createdAt }: WorkflowStep, now: number): number {
  return now - createdAt < 1_500 ? now : createdAt + 1_000;
}

function forCache(namespace: string, cache: string): string {
  return `${namespace} in ${cache}`;
}

/** What has to change for a step that waits to be looked at. */
function waitsOn(step: WorkflowStep | undefined): string[] {
  // One that failed while it waited keeps its label.
  if (step?.state !== "live" || !isHeld(step.object.metadata?.labels)) return [];
  const { namespace, plan } = step;
  return [
    `${namespace} any`,
    ...new Set(
      plan.inputs.flatMap((input) => cacheOf(input) ?? []).map((cache) => forCache(namespace, cache)),
    ),
    ...plan.inputs.map((input) => `${namespace} ${idOf(input)}`),
    ...(plan.batch ? [`${namespace} batch ${plan.batch.name}`] : []),
  ];
}
