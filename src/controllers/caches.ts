import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type {
  V1ConfigMap,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodSpec,
  V1StatefulSet,
} from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { asksForPassword, cacheKey, podAsksForPassword } from "../cache/access.ts";
import { authorsIn } from "../cache/ca-config-map.ts";
import { type Child, desiredChildren } from "../cache/children.ts";
import type { Exporting } from "../cache/export.ts";
import type { CacheInstallation, RegistryCas } from "../cache/facts.ts";
import type { Way } from "../cache/keeper-fault.ts";
import { isRecorded } from "../cache/network-mode.ts";
import { identityOf } from "../cache/owner.ts";
import { startOf } from "../cache/pods.ts";
import type { RetentionOutcome } from "../cache/retention-status.ts";
import { isRolledOut } from "../cache/rollout.ts";
import { authorsFrom, servedTrouble } from "../cache/served.ts";
import { type RemoteAnswer, statusOf, untilDeadline } from "../cache/status.ts";
import { storageOf } from "../cache/storage.ts";
import { caConfigMapName, servesTls } from "../cache/tls.ts";
import { lostNode, mayHoldArtifacts, type Trouble, together, troubleOf } from "../cache/trouble.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { unmounted } from "../cache/unmounted.ts";
import type { Usage } from "../cache/usage.ts";
import type { Users } from "../cache/users.ts";
import { registryCas } from "../certificates/registry-cas.ts";
import type { KubeClient } from "../kube/client.ts";
import { timestamp } from "../kube/clock.ts";
import type { EventRecorder } from "../kube/events.ts";
import { get, type KubeObject } from "../kube/objects.ts";
import { RetryError } from "../kube/queue.ts";
import { resources } from "../kube/resources.ts";
import type { Store } from "../kube/store.ts";
import { childKinds } from "./child-kinds.ts";
import { isOwnedBy } from "./child-owner.ts";
import { type ChildChange, type Children, type ChildStores, createChildren } from "./children.ts";
import { type AskEnforced, createEnforcement } from "./enforcement.ts";
import { type AskExport, createFarewell } from "./farewell.ts";
import { notesOf } from "./notes.ts";
import { freshOf, isOfOneChild, type Refusal, refusedBy, retryAfter, troubleFrom } from "./obstacles.ts";
import { type ClaimStorage, createOwnership } from "./ownership.ts";
import { createPrefixes } from "./prefixes.ts";
import type { Asked } from "./remotes.ts";
import { type Reports, reportedTrouble } from "./reports.ts";
import { createRollouts } from "./rollouts.ts";
import { createRotation, type UsersSettings } from "./rotation.ts";
import { createSparing } from "./sparing.ts";
import { isNewSpec, statusNotes } from "./status-notes.ts";
import type { StepArrivals } from "./step-arrivals.ts";
import { registryTrust } from "./trust.ts";
import { writeStatus } from "./write-status.ts";
import { createWrittenStatuses } from "./written-statuses.ts";

/** What the reconciler sees and acts with. */
export interface ReconcilerSettings extends UsersSettings {
  readonly client: KubeClient;
  readonly caches: Pick<Store<StoredOrasCache>, "get" | "values">;
  /** Children that are watched, by kind and key. */
  readonly children: ChildStores;
  /** The watched children with the label of a cache. */
  readonly childrenOf: (key: string) => readonly KubeObject[];
  /** The registry Pods with the label of a cache. */
  readonly podsOf: (key: string) => readonly V1Pod[];
  /** Why a StatefulSet has no Pod. */
  readonly whyNoPod: (statefulSet: V1StatefulSet) => Promise<Finding>;
  /** Whether a remote registry answers, and when to ask again. */
  readonly askRemote: ((registry: string) => Promise<Asked>) | undefined;
  /** Whether a registry refuses who has no password. */
  readonly askEnforced: AskEnforced;
  /** For which caches steps have come. */
  readonly arrivals: Omit<StepArrivals, "watch">;
  /** Whose the folder of a bucket is that a registry keeps its artifacts in. */
  readonly claimStorage: ClaimStorage;
  /** How full registries are. */
  readonly reports: Reports;
  /** How the last pass of retention of a cache ended, if there was one. */
  readonly retentionOf: (key: string) => RetentionOutcome | undefined;
  readonly record: EventRecorder;
  /** Asks a keeper to copy everything to another registry. */
  readonly askExport: AskExport;
  /** The operator's own Pod. */
  readonly self: KubeObject;
  /** What children depend on and is the same for all caches. */
  readonly installation: CacheInstallation;
}

/** Why a registry does not run, and when that may look different although no watch tells. */
interface Finding {
  readonly trouble?: Trouble | undefined;
  readonly againInMs?: number | undefined;
}

/** What was found and done in one look at a cache. */
interface Look extends Finding {
  readonly error: unknown;
  readonly remote: RemoteAnswer | undefined;
  readonly usage?: Usage | undefined;
  readonly users?: Users | undefined;
  readonly way?: Way | undefined;
  readonly exporting?: Exporting | undefined;
}

/** Brings caches in line with their specs. */
export interface CacheReconciler {
  /**
   * Looks at what is there, never at what happened, and sends no request when nothing differs.
   *
   * @param key - `namespace/name`
   * @returns after how many milliseconds to look again, if at all
   */
  readonly reconcile: (key: string) => Promise<number | undefined>;
  /** Whether a change of a cache is only the operator's own write of its status. */
  readonly isOwnWrite: (now: StoredOrasCache, before: StoredOrasCache) => boolean;
}

/**
 * Makes the reconciler of caches.
 *
 * @param settings - see there
 */
export function createReconciler(settings: ReconcilerSettings): CacheReconciler {
  const { client, caches, record } = settings;
  const memories = new Map<string, { uid: string; children: Children }>();
  const statuses = createWrittenStatuses();
  const removed = new Map<string, V1StatefulSet>();
  const rollouts = createRollouts();
  const enforcement = createEnforcement(settings.askEnforced);
  const sparing = createSparing<Finding>();
  const prefixes = createPrefixes(caches);
  const ownership = createOwnership(settings.installation.operatorKey, settings.claimStorage, (pod, cache) =>
    registryTrust(pod, cache, settings.installation, client),
  );

  const rotation = createRotation(settings, settings.installation, (pod, cache) =>
    registryTrust(pod, cache, settings.installation, client),
  );

  const farewell = createFarewell(settings);

  const childrenFor = (key: string, cache: StoredOrasCache): Children => {
    const owner = identityOf(cache);
    const known = memories.get(key);
    if (known?.uid === owner.uid) return known.children;
    const bornAt = new Date(cache.metadata?.creationTimestamp ?? client.now()).getTime();
    const children = createChildren(client, settings.children, owner, bornAt);
    memories.set(key, { uid: owner.uid, children });
    return children;
  };

  const liveSet = (key: string) => settings.children["StatefulSet"]?.get(key) as V1StatefulSet | undefined;

  const liveClaim = (cache: StoredOrasCache): V1PersistentVolumeClaim | undefined => {
    const storage = storageOf(cache);
    if (storage.kind !== "persistentVolumeClaim" || !storage.isOwn) return undefined;
    const key = `${cache.metadata?.namespace}/${storage.claim}`;
    return settings.children["PersistentVolumeClaim"]?.get(key) as V1PersistentVolumeClaim | undefined;
  };

  /** The StatefulSet that has to be made anew: the watch does not know the original operator's, which lacks the labels. */
  const findUnseen = async (cache: StoredOrasCache, key: string): Promise<void> => {
    if (!cache.spec.deploy || liveSet(key) !== undefined || removed.has(key)) return;
    const owner = identityOf(cache);
    const unseen = await get<V1StatefulSet & KubeObject>(client, resources.statefulSets, owner);
    if (unseen && isOwnedBy(unseen, owner)) removed.set(key, unseen);
  };

  /** What it is by default, for a cache. One whose StatefulSet is made anew is what it was. */
  const installationFor = (key: string): CacheInstallation => {
    const gone = removed.get(key);
    if (gone === undefined) return settings.installation;
    const live = liveSet(key);
    if (live !== undefined && live.metadata?.uid !== gone.metadata?.uid) removed.delete(key);
    return live === undefined ? asItRan(settings.installation, gone) : settings.installation;
  };

  /** The CAs of a registry. Those of the author's Secret, which its keeper has told of, are known to a new leader, too. */
  const casFor = async (cache: StoredOrasCache, key: string): Promise<RegistryCas | undefined> => {
    const pods = settings.podsOf(key);
    if (!servesTls(cache, pods)) return undefined;
    const own = await registryCas(
      cacheKey(settings.installation.operatorKey, identityOf(cache)),
      new Date(client.now()),
    );
    if (cache.spec.tls?.secretName === undefined) return { own, authors: "" };
    const { name, namespace } = identityOf(cache);
    const published = settings.children["ConfigMap"]?.get(`${namespace}/${caConfigMapName(name)}`);
    const { served } = settings.reports.of(key, cache, pods);
    return { own, authors: authorsFrom(served, authorsIn((published as V1ConfigMap | undefined) ?? {})) };
  };

  const desiredOf = async (cache: StoredOrasCache, key: string): Promise<Child[]> =>
    desiredChildren(cache, {
      ...installationFor(key),
      cas: await casFor(cache, key),
      random: randomBytes(32).toString("base64url"),
      statefulSet: liveSet(key),
      mayHoldArtifacts: settings.podsOf(key).some(mayHoldArtifacts),
    });

  const superfluous = (cache: StoredOrasCache, key: string, desired: readonly Child[]): KubeObject[] => {
    const owner = identityOf(cache);
    const wanted = new Set(desired.map(idOf));
    return settings
      .childrenOf(key)
      .filter((child) => childKinds[child.kind ?? ""]?.access === "apply")
      .filter((child) => !wanted.has(idOf(child)) && isOwnedBy(child, owner));
  };

  /** Whether a child is to be looked at: the operator may not read Secrets, and does not make one at each look. */
  const isDue = (child: Child, key: string, cache: StoredOrasCache, awaited: boolean): boolean => {
    const children = childrenFor(key, cache);
    const live = liveSet(key);
    // That of a cache that was deleted goes with its Secrets.
    const own = live && isOwnedBy(live, identityOf(cache)) ? live : undefined;
    const isThere = (children.hasMade(child) && !awaited) || isNamedBy(child, own);
    const pods = settings.podsOf(key);
    const isGone = pods.some((pod) => unmounted(pod, client.now())?.isLong && isIn(child, pod.spec));
    return !isThere || isGone || children.mayBeGone(child) || isMissed(child, pods.map(troubleOf));
  };

  const tellRollout = (cache: StoredOrasCache, key: string, child: Child, changes: ChildChange[]) => {
    if (child.kind !== "StatefulSet" || !changes.some(({ kind }) => kind !== "created")) return;
    for (const note of rollouts.begun(key, child as V1StatefulSet, settings.podsOf(key))) record(cache, note);
  };

  const ensure = async (cache: StoredOrasCache, key: string, child: Child): Promise<ChildChange[]> => {
    const before = liveSet(key);
    const changes = await childrenFor(key, cache).ensure(child, isNewSpec(cache));
    if (before && child.kind === "StatefulSet" && changes.some(({ kind }) => kind === "recreated"))
      removed.set(key, before);
    tellRollout(cache, key, child, changes);
    return changes;
  };

  /** Yields each change as it is done: what was done before an error is reported too. */
  async function* converge(cache: StoredOrasCache, key: string): AsyncGenerator<ChildChange> {
    prefixes.take(cache);
    const children = childrenFor(key, cache);
    await findUnseen(cache, key);
    const desired = await desiredOf(cache, key);
    children.retain(desired);
    for (const child of superfluous(cache, key, desired)) yield* await children.prune(child);
    yield* settings.arrivals.looking(key, (awaited) =>
      ofAll(
        desired.filter((child) => isDue(child, key, cache, awaited)),
        (child) => ensure(cache, key, child),
      ),
    );
    // Last: a volume that cannot grow keeps nothing else from being right.
    for (const child of desired) yield* await children.grow(child);
  }

  /** What was done, and what went wrong, if anything. */
  const settle = async (cache: StoredOrasCache, key: string): Promise<unknown> => {
    const changes: ChildChange[] = [];
    try {
      for await (const change of converge(cache, key)) changes.push(change);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      for (const note of notesOf(changes)) record(cache, note);
    }
  };

  /** What registries say themselves, of passwords and of whose folder it is. */
  const askRegistries = async (cache: StoredOrasCache, pods: readonly V1Pod[]): Promise<Finding> => {
    // Each Pod is as it was made: while one is replaced, or is not ready, the others are asked all the same.
    const enforced = await enforcement(pods.filter(({ spec }) => podAsksForPassword(spec)));
    const owned = await ownership(cache, pods);
    return {
      trouble: together([owned.trouble, enforced.trouble]),
      againInMs: earliest(enforced.againInMs, owned.againInMs),
    };
  };

  /** Why the registry does not run, from what knows: the kubelet, the scheduler, the StatefulSet's controller. */
  const inspect = async (cache: StoredOrasCache, key: string): Promise<Finding> => {
    const ending = settings.podsOf(key).map((pod) => lostNode(pod, client.now()));
    const lost = ending.find((found) => typeof found === "object");
    if (lost !== undefined) return { trouble: lost };
    const ends = ending.find((found) => typeof found === "number");
    const running = settings.podsOf(key).map((pod) => startOf(pod, names.registryContainer));
    const asked: Finding = await sparing(key, running.join(), () =>
      askRegistries(cache, settings.podsOf(key)),
    );
    const againInMs = earliest(ends, asked.againInMs);
    const statefulSet = liveSet(key);
    if (statefulSet === undefined || isRolledOut(statefulSet)) return { ...asked, againInMs };
    const pods = settings.podsOf(key).filter((pod) => !pod.metadata?.deletionTimestamp);
    const mounts = pods.map((pod) => unmounted(pod, client.now())?.againInMs);
    if (pods.length > 0)
      return {
        againInMs: earliest(againInMs, ...mounts),
        trouble: together([asked.trouble, ...ofEachReason(pods.map(troubleOf))]),
      };
    // While one ends there is no other one, and none is wanted of a registry that is suspended.
    if (ends !== undefined || statefulSet.spec?.replicas === 0) return { ...asked, againInMs };
    return settings.whyNoPod(statefulSet);
  };

  const look = async (cache: StoredOrasCache, key: string): Promise<Look> => {
    const error = await settle(cache, key);
    const { deploy, registry } = cache.spec;
    if (!deploy) {
      const asked = registry ? await settings.askRemote?.(registry) : undefined;
      return { error, trouble: troubleFrom(error), remote: asked?.answer, againInMs: asked?.againInMs };
    }
    const found = await inspect(cache, key);
    const { usage, served, users, way, againInMs } = settings.reports.of(key, cache, settings.podsOf(key));
    return {
      ...{ error, remote: undefined, usage, users, way },
      trouble: together<Trouble>([
        ...[troubleFrom(error), found.trouble],
        ...[reportedTrouble(usage), servedTrouble(served, cache.spec.tls?.secretName)],
      ]),
      againInMs: earliest(found.againInMs, againInMs),
    };
  };

  const report = async (
    stored: StoredOrasCache,
    cache: StoredOrasCache,
    key: string,
    { trouble, remote, usage, users, way, exporting }: Look,
  ) => {
    const status = statusOf({
      cache,
      statefulSet: liveSet(key),
      claim: liveClaim(cache),
      pods: settings.podsOf(key),
      trouble,
      remote,
      usage,
      users,
      way,
      retention: settings.retentionOf(key),
      exporting,
      installation: installationFor(key),
      time: timestamp(client.now()),
    });
    for (const note of statusNotes(stored, status, trouble)) record(stored, note);
    for (const note of rollouts.ended(key, liveSet(key))) record(cache, note);
    if (!isDeepStrictEqual(status, stored.status))
      await statuses.write(stored, status, () => writeStatus(client, cache, status));
    return status;
  };

  const reconcile = async (key: string) => {
    const seen = caches.get(key);
    if (seen === undefined) {
      memories.delete(key);
      statuses.forget(key);
      removed.delete(key);
      rollouts.forget(key);
      settings.reports.forget(key);
      settings.arrivals.forget(key);
      prefixes.forget(key);
      farewell.forget(key);
      return undefined;
    }
    const stored = statuses.latest(seen);
    const held = await farewell.look(stored, settings.podsOf(key));
    // Its children are deleted by the garbage collector, by their owner references.
    if (held.cache === undefined) return held.againInMs;
    const rotated = stored.spec.deploy
      ? await rotation(held.cache, liveSet(key), settings.podsOf(key))
      : { cache: stored };
    const found = { ...(await look(rotated.cache, key)), exporting: held.exporting };
    const status = await report(stored, rotated.cache, key, found);
    if (found.error !== undefined) return afterError(found.error);
    return earliest(
      held.againInMs,
      rotated.againInMs,
      found.againInMs,
      memories.get(key)?.children.lookInMs(),
      untilDeadline(status, client.now()),
      settings.arrivals.lookInMs(key),
    );
  };

  return { reconcile, isOwnWrite: statuses.isOwn };
}

/** Replicas have the same problem, each with its name. */
function ofEachReason(all: readonly (Trouble | undefined)[]): readonly (Trouble | undefined)[] {
  return all.filter((one, i) => all.findIndex((other) => other?.reason === one?.reason) === i);
}

function earliest(...all: readonly (number | undefined)[]): number | undefined {
  const waits = all.filter((wait) => wait !== undefined);
  return waits.length > 0 ? Math.min(...waits) : undefined;
}

/**
 * Makes every child that can be made, so that all that are refused are told of at once. The StatefulSet is the last, and waits for the others: its
 * Pods should find what they refer to, and be let in by whom they should.
 */
async function* ofAll(
  desired: readonly Child[],
  ensure: (child: Child) => Promise<ChildChange[]>,
): AsyncGenerator<ChildChange> {
  const refusals: Refusal[] = [];
  for (const child of desired) {
    if (child.kind === "StatefulSet" && refusals.length > 0) continue;
    try {
      yield* await ensure(child);
    } catch (error) {
      refusals.push({ child: idOf(child), error });
      if (!isOfOneChild(error)) break;
    }
  }
  if (refusals.length > 0) throw refusedBy(refusals);
}

/** When to look again; an error that is new is thrown, to be logged and counted. */
function afterError(error: unknown): number | undefined {
  const retry = retryAfter(error);
  if (retry === "never") return undefined;
  if (retry === "backoff") throw error;
  const fresh = freshOf(error);
  if (fresh === undefined) return retry;
  throw new RetryError(fresh, retry);
}

/** The defaults by which a registry that ran open stays open. */
function asItRan(installation: CacheInstallation, statefulSet: V1StatefulSet): CacheInstallation {
  const { auth, network } = installation;
  return {
    ...installation,
    auth: asksForPassword(statefulSet) ? auth : "none",
    network: isRecorded(statefulSet) ? network : "none",
  };
}

function idOf({ kind, metadata }: { kind?: string; metadata?: { name?: string } }): string {
  return `${kind} ${metadata?.name}`;
}

/** The operator may not read Secrets. One that the StatefulSet names was made before it. */
function isNamedBy(child: Child, statefulSet: V1StatefulSet | undefined): boolean {
  return isIn(child, statefulSet?.spec?.template.spec);
}

function isIn({ kind, metadata }: Child, pod: V1PodSpec | undefined): boolean {
  if (kind !== "Secret") return false;
  const { initContainers, containers, volumes } = pod ?? {};
  return JSON.stringify([initContainers, containers, volumes]).includes(JSON.stringify(metadata?.name));
}

/** Whether the kubelet says that a Secret is not there: somebody deleted it. */
function isMissed({ kind, metadata }: Child, troubles: readonly (Trouble | undefined)[]): boolean {
  if (kind !== "Secret" || metadata?.name === undefined) return false;
  const { name } = metadata;
  return troubles.some((trouble) => trouble?.message.includes(name));
}
