import type { V1StatefulSet } from "@kubernetes/client-node";
import { cacheUrl, remoteUrl } from "./address.ts";
import { type ConditionType, updateConditions, type Verdict } from "./conditions.ts";
import { identityOf } from "./owner.ts";
import type { OrasCacheStatus, StoredOrasCache } from "./types.ts";

/** What stands in the way of a cache. */
export interface Obstacle {
  /** In one word. */
  readonly reason: string;
  readonly message: string;
}

/** What a status is made from. */
export interface Observation {
  readonly cache: StoredOrasCache;
  readonly statefulSet: V1StatefulSet | undefined;
  readonly obstacle: Obstacle | undefined;
  readonly clusterDomain: string;
  /** The present, as RFC 3339. */
  readonly time: string;
}

const nothingInTheWay: Verdict = { status: "False", reason: "AsExpected", message: "Nothing is in the way." };

/**
 * The status of a cache. It is the same object for the same observation, so that nothing is written when
 * nothing changed.
 *
 * @param observation - what was seen
 */
export function statusOf(observation: Observation): OrasCacheStatus {
  const { cache, obstacle, time } = observation;
  const generation = cache.metadata?.generation ?? 0;
  const { available, progressing, ...rest } = cache.spec.deploy
    ? deployed(observation)
    : { ...remote(cache), replicas: 0, readyReplicas: 0 };
  const degraded: Verdict = obstacle ? { status: "True", ...obstacle } : nothingInTheWay;
  const now: Record<ConditionType, Verdict> = {
    Available: available,
    Progressing: progressing,
    Degraded: degraded,
  };
  return {
    observedGeneration: generation,
    ...rest,
    conditions: updateConditions(cache.status?.conditions ?? [], now, generation, time),
  };
}

function deployed({ cache, statefulSet, obstacle, clusterDomain }: Observation) {
  const { name, namespace } = identityOf(cache);
  const readyReplicas = statefulSet?.status?.readyReplicas ?? 0;
  const url = cacheUrl(name, namespace, clusterDomain);
  const available: Verdict =
    readyReplicas > 0
      ? { status: "True", reason: "RegistryReady", message: `The registry answers at ${url}.` }
      : { status: "False", reason: "RegistryNotReady", message: "No registry Pod is ready yet." };
  const progressing: Verdict = isRolledOut(statefulSet)
    ? { status: "False", reason: "RolledOut", message: "The registry is what the spec asks for." }
    : obstacle
      ? { status: "False", reason: obstacle.reason, message: "The rollout waits for what is in the way." }
      : {
          status: "True",
          reason: "RollingOut",
          message: "The registry's Pods are being replaced or started.",
        };
  return { url, replicas: statefulSet?.status?.replicas ?? 0, readyReplicas, available, progressing };
}

function remote(cache: StoredOrasCache) {
  const { registry } = cache.spec;
  const available: Verdict =
    registry === undefined
      ? {
          status: "True",
          reason: "NotDeployed",
          message: "No registry is run, as spec.deploy asks; each Pod names the one that it uses.",
        }
      : { status: "True", reason: "RemoteRegistry", message: `Pods use ${remoteUrl(registry)}.` };
  const progressing: Verdict = {
    status: "False",
    reason: "NotDeployed",
    message: "There is nothing to roll out.",
  };
  return { ...(registry === undefined ? {} : { url: remoteUrl(registry) }), available, progressing };
}

/**
 * Whether every Pod of a StatefulSet is ready and of its latest revision.
 *
 * @param statefulSet - with its status
 */
export function isRolledOut(statefulSet: V1StatefulSet | undefined): boolean {
  if (!statefulSet?.status) return false;
  const { status, spec, metadata } = statefulSet;
  const wanted = spec?.replicas ?? 1;
  return (
    (status.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    (status.updatedReplicas ?? 0) >= wanted &&
    (status.readyReplicas ?? 0) >= wanted &&
    status.currentRevision === status.updateRevision
  );
}
