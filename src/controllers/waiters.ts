import { isShared } from "../cache/registry-service.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { forgetOldest } from "../kube/forget.ts";
import { controllerOf, type KubeObject, nameOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { type Artifact, cacheOf, idIn, isHeld, isOpen, mayPush } from "../workflow/step.ts";
import type { Heads } from "./heads.ts";
import { hasOnePod, type StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowStep, WorkflowSteps } from "./workflow-steps.ts";

/** Who waits for what, and when steps came. */
export interface Waiters {
  /** Tells the keys of Jobs, or of Pods, that wait for something that has changed. */
  readonly onWake: (isPod: boolean, tell: (key: string) => void) => void;
  /** Whether a step waits, by its UID: it may have gone while it was looked at. */
  readonly has: (uid: string) => boolean;
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

/** A step that waits. Not as it is now: thousands may wait. */
type Waiter = Pick<WorkflowStep, "key" | "isPod">;

/** Those that wait for the same, by their UID. */
interface Group {
  readonly id: string;
  readonly members: Map<string, Waiter>;
}

type Mirror<T extends KubeObject> = Pick<Reflector<T>, "store" | "subscribe" | "synced">;

interface Sources {
  readonly jobs: Mirror<StepJob>;
  readonly pods: Mirror<StepPod>;
  readonly steps: WorkflowSteps;
  readonly heads: Heads;
  readonly client: { readonly now: () => number };
  /** The OrasCaches whose registries steps may name by their hosts. */
  readonly caches?: Pick<Reflector<StoredOrasCache>, "subscribe">;
}

const mostNamespaces = 10_000;

/**
 * Watches steps for those that wait.
 *
 * @param sources - see there
 */
export function createWaiters({ jobs, pods, steps, heads, client, caches }: Sources): Waiters {
  const waiting = new Map<string, Group>();
  const groupsOf = new Map<string, readonly Group[]>();
  const arrivals = new Map<string, number>();
  const tells = new Map<boolean, (key: string) => void>();
  const wake = ({ isPod, key }: Waiter) => tells.get(isPod)?.(key);
  const viewOf = ({ isPod, key }: Waiter) => (isPod ? steps.pod(key) : steps.job(key));

  const leave = (group: Group, uid: string) => {
    group.members.delete(uid);
    const [another] = group.members.values();
    if (another !== undefined) {
      if (heads.left(group.id, uid)) wake(another);
      return;
    }
    waiting.delete(group.id);
    heads.forget(group.id);
  };
  const forget = (uid: string) => {
    for (const group of groupsOf.get(uid) ?? []) leave(group, uid);
    groupsOf.delete(uid);
  };
  const register = (ids: readonly string[], { uid, key, isPod }: WorkflowStep) => {
    const before = groupsOf.get(uid) ?? [];
    const waiter = { key, isPod };
    const groups = ids.map((id) => {
      const group = waiting.get(id) ?? { id, members: new Map() };
      waiting.set(id, group);
      group.members.set(uid, waiter);
      return group;
    });
    for (const group of before) if (!groups.includes(group)) leave(group, uid);
    if (groups.length > 0) groupsOf.set(uid, groups);
    else groupsOf.delete(uid);
  };
  const members = (id: string) => [...(waiting.get(id)?.members.values() ?? [])];
  const arrive = (step: WorkflowStep) => {
    const last = arrivals.get(step.namespace) ?? 0;
    arrivals.delete(step.namespace);
    // Those that are there at the start come in any order.
    arrivals.set(step.namespace, Math.max(last, step.createdAt, arrivedAt(step, client.now())));
    forgetOldest(arrivals, mostNamespaces);
    // What a registry said before a step came may have changed since, by somebody who is no step.
    if (isHeld(step.object.metadata?.labels))
      for (const input of step.plan.inputs) heads.outdated(step.namespace, input, true);
  };
  /** What it may have pushed; of several Pods that push with variables, when all of them have. */
  const outdate = (step: WorkflowStep, now: WorkflowStep | undefined, before: WorkflowStep | undefined) => {
    const { plan, namespace } = step;
    const { output, index, left } = plan;
    if (left && !isOpen(left)) heads.outdated(namespace, left);
    else if (left && now?.state !== before?.state)
      heads.outdatedWhere(namespace, (artifact) => mayPush(left, artifact));
    if (index) heads.outdated(namespace, index);
    if (output === undefined) return;
    if (!isOpen(output)) heads.outdated(namespace, output);
    else if (now?.state !== before?.state || hasOnePush(step))
      heads.outdatedWhere(namespace, (artifact) => mayPush(output, artifact));
  };
  const wakeReadersOf = (namespace: string, output: Artifact) => {
    if (!isOpen(output)) members(idIn(namespace, output)).forEach(wake);
    else
      members(`${namespace} any`)
        .filter((other) => viewOf(other)?.plan.inputs.some((input) => mayPush(output, input)))
        .forEach(wake);
  };
  const wakeOthers = (step: WorkflowStep, comesOrGoes: boolean) => {
    const { namespace, plan } = step;
    const { output, index, left, batch } = plan;
    for (const one of [index, output, left]) if (one) wakeReadersOf(namespace, one);
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
  /** Whether one names a registry by its host: which OrasCache that is may change. */
  const namesHost = ({ isPod, key }: Waiter) => {
    const own = isPod ? pods.store.get(key)?.workflow?.plan : jobs.store.get(key)?.plan;
    const plan = own ?? viewOf({ isPod, key })?.plan;
    return plan?.inputs.some((input) => cacheOf(input) === undefined) ?? false;
  };
  /** What steps wait for by a host is the same as other steps make by another name from now on, or no more. */
  const placeAgain = () => {
    for (const [uid, [group]] of [...groupsOf]) {
      const waiter = group?.members.get(uid);
      const step = waiter && namesHost(waiter) ? viewOf(waiter) : undefined;
      if (waiter === undefined || step?.uid !== uid) continue;
      register(waitsOn(step), step);
      wake(waiter);
    }
  };
  heads.onFound((id, by) => {
    for (const [uid, waiter] of waiting.get(id)?.members ?? []) if (uid !== by) wake(waiter);
  });
  for (const job of jobs.store.values()) changeJob(job, undefined);
  for (const pod of pods.store.values()) change(steps.ofPod(pod), undefined);
  jobs.subscribe((_key, now, before) => changeJob(now, before));
  pods.subscribe((_key, now, before) => {
    change(now && steps.ofPod(now), before && steps.ofPod(before));
    forgetGone(now, before);
    changePod(now ?? before);
  });
  caches?.subscribe((_key, now, before) => {
    if (addressesOf(now) !== addressesOf(before)) placeAgain();
  });

  return {
    has: (uid) => groupsOf.has(uid),
    anyOn: (namespace, artifact) => waiting.has(idIn(namespace, artifact)),
    anyFor: (cache) => waiting.has(forCache(nameOf(cache).namespace, nameOf(cache).name)),
    wake: (namespace, artifact) => members(idIn(namespace, artifact)).forEach(wake),
    wakeAllOf: (cache) => {
      const { namespace, name } = nameOf(cache);
      for (const waiter of members(forCache(namespace, name))) {
        for (const input of viewOf(waiter)?.plan.inputs ?? []) heads.outdated(namespace, input);
        wake(waiter);
      }
    },
    onWake: (isPod, tell) => tells.set(isPod, tell),
    lastArrival: (namespace) => arrivals.get(namespace) ?? 0,
  };
}

function hasOnePush({ isPod, object }: WorkflowStep): boolean {
  return isPod || hasOnePod(object as StepJob);
}

/** What decides by which hosts the registry of a cache is named. */
function addressesOf(cache: StoredOrasCache | undefined): string | undefined {
  return cache && JSON.stringify([cache.spec.deploy, cache.spec.nodeAddress, isShared(cache.spec)]);
}

/** What a step is to others. */
function roleOf({ plan: { output, index, left, batch } }: WorkflowStep): string {
  return JSON.stringify([output, index, left, batch]);
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
    ...plan.inputs.map((input) => idIn(namespace, input)),
    ...(plan.batch ? [`${namespace} batch ${plan.batch.name}`] : []),
  ];
}
