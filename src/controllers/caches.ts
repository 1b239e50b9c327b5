import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { V1StatefulSet } from "@kubernetes/client-node";
import { desiredHttpSecret, httpSecretName } from "../cache/http-secret.ts";
import { type CacheIdentity, identityOf } from "../cache/owner.ts";
import { desiredService } from "../cache/service.ts";
import { type ClusterTraits, desiredStatefulSet } from "../cache/stateful-set.ts";
import { isRolledOut, type Obstacle, statusOf } from "../cache/status.ts";
import type { OrasCacheStatus, StoredOrasCache } from "../cache/types.ts";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import type { EventRecorder } from "../kube/events.ts";
import { create, type KubeObject, keyOf, patchMerge } from "../kube/objects.ts";
import { resources } from "../kube/resources.ts";
import { type ChildChange, type ChildKind, ensureChild, removeChild } from "./children.ts";
import { notesOf } from "./notes.ts";
import { assess, ContestedError } from "./obstacles.ts";
import { createPatience } from "./patience.ts";

/** What the reconciler sees and acts with. */
export interface ReconcilerSettings {
  readonly client: KubeClient;
  readonly caches: (key: string) => StoredOrasCache | undefined;
  readonly services: (key: string) => KubeObject | undefined;
  readonly statefulSets: (key: string) => KubeObject | undefined;
  readonly record: EventRecorder;
  readonly cluster: ClusterTraits;
  readonly clusterDomain: string;
}

const secretRetryMs = 10_000;
/** While a registry does not run, what it needs is seen to now and then. */
const unsettledRetryMs = 30_000;
/** Drift that comes back more often than this within a minute is somebody else's will. */
const mostCorrections = 5;

/**
 * Makes the function that brings one cache's children and status in line with its spec. It looks at what is
 * there, never at what happened, and sends no request when nothing differs.
 *
 * @param settings - see there
 * @returns (key) => after how many milliseconds to look again, if at all
 */
export function createReconciler(settings: ReconcilerSettings): (key: string) => Promise<number | undefined> {
  const { client, cluster, caches, record } = settings;
  const service: ChildKind = { resource: resources.services, seen: settings.services, applied: new Map() };
  const statefulSet: ChildKind = {
    resource: resources.statefulSets,
    seen: settings.statefulSets,
    applied: new Map(),
  };

  const seenSet = (key: string) => settings.statefulSets(key) as V1StatefulSet | undefined;
  const corrections = createPatience(mostCorrections, 60_000);
  const secretsMade = new Map<string, { name: string; at: number }>();
  /**
   * Created once and never read: if it is there already, it is left as it is. Somebody may have deleted it, which
   * nobody tells us, so that it is tried now and then for as long as the registry does not run.
   */
  const ensureHttpSecret = async (cache: StoredOrasCache, owner: CacheIdentity): Promise<void> => {
    const key = keyOf(cache);
    const name = httpSecretName(owner.name, cache.spec);
    const last = secretsMade.get(key);
    if (last?.name === name && performance.now() - last.at < secretRetryMs) return;
    const random = randomBytes(32).toString("base64url");
    await create(client, resources.secrets, desiredHttpSecret(owner, cache.spec, random));
    secretsMade.set(key, { name, at: performance.now() });
  };

  /** Yields each change as it is done: what was done before an error is told too. */
  async function* converge(cache: StoredOrasCache, owner: CacheIdentity): AsyncGenerator<ChildChange> {
    if (!cache.spec.deploy) {
      yield* await removeChild(client, statefulSet, owner);
      yield* await removeChild(client, service, owner);
      return;
    }
    const beforeCorrecting = () => {
      const waitMs = isNewSpec(cache) ? 0 : corrections.waitMs(keyOf(cache));
      if (waitMs > 0) throw new ContestedError(waitMs);
    };
    yield* await ensureChild(client, service, desiredService(owner), owner, beforeCorrecting);
    if (isNewSpec(cache) || !isRolledOut(seenSet(keyOf(cache)))) await ensureHttpSecret(cache, owner);
    const set = desiredStatefulSet(owner, cache.spec, cluster);
    yield* await ensureChild(client, statefulSet, set, owner, beforeCorrecting);
  }

  /** What went wrong, if anything. */
  const settle = async (cache: StoredOrasCache): Promise<unknown> => {
    const changes: ChildChange[] = [];
    try {
      for await (const change of converge(cache, identityOf(cache))) changes.push(change);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      for (const note of notesOf(changes, isNewSpec(cache))) record(cache, note);
      if (changes.length > 0 && !isNewSpec(cache)) corrections.spend(keyOf(cache));
    }
  };

  return async (key) => {
    const cache = caches(key);
    if (cache === undefined) {
      service.applied.delete(key);
      statefulSet.applied.delete(key);
      secretsMade.delete(key);
      corrections.forget(key);
      return undefined;
    }
    // Its children are deleted by the garbage collector, by their owner references.
    if (cache.metadata?.deletionTimestamp) return undefined;
    const trouble = await settle(cache);
    const { obstacle, retry } = assess(trouble);
    await report(settings, cache, obstacle);
    if (retry === "backoff") throw trouble;
    if (retry !== "never") return retry;
    return cache.spec.deploy && !isRolledOut(seenSet(key)) ? unsettledRetryMs : undefined;
  };
}

function isNewSpec(cache: StoredOrasCache): boolean {
  return cache.status?.observedGeneration !== cache.metadata?.generation;
}

async function report(
  settings: ReconcilerSettings,
  cache: StoredOrasCache,
  obstacle: Obstacle | undefined,
): Promise<void> {
  const { namespace, name } = identityOf(cache);
  const statefulSet = settings.statefulSets(`${namespace}/${name}`) as V1StatefulSet | undefined;
  const time = `${new Date().toISOString().slice(0, 19)}Z`;
  const status = statusOf({ cache, statefulSet, obstacle, clusterDomain: settings.clusterDomain, time });
  if (obstacle)
    settings.record(cache, {
      type: "Warning",
      action: "Reconcile",
      note: obstacle.message,
      reason: obstacle.reason,
    });
  if (isDeepStrictEqual(status, cache.status)) return;
  try {
    await patchMerge(
      settings.client,
      resources.orasCaches,
      { namespace, name, subresource: "status" },
      {
        metadata: { resourceVersion: cache.metadata?.resourceVersion },
        status: { ...blank(cache.status), ...status },
      },
    );
  } catch (error) {
    // Changed or gone meanwhile: the watch tells of it, and we are here again.
    if (!isStatus(error, 404, 409)) throw error;
  }
}

/** In a merge patch a field goes away only by null. */
function blank(status: OrasCacheStatus | undefined): Record<string, null> {
  return Object.fromEntries(Object.keys(status ?? {}).map((field) => [field, null]));
}
