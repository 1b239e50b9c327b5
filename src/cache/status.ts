import type { V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import type { ConditionReason, ConditionType } from "../../schema/reasons.ts";
import { cacheUrl, remoteUrl } from "./address.ts";
import { updateConditions, type Verdict } from "./conditions.ts";
import { identityOf } from "./owner.ts";
import { isRolledOut, isUpdatePending } from "./rollout.ts";
import type { Trouble } from "./trouble.ts";
import type { Condition, OrasCacheStatus, StoredOrasCache } from "./types.ts";

/** Whether a remote registry answers: a sentence that says why not, or why it was not asked. */
export interface RemoteAnswer {
  readonly answers: boolean | undefined;
  readonly message: string;
}

/** What a status is made from. */
export interface Observation {
  readonly cache: StoredOrasCache;
  readonly statefulSet: V1StatefulSet | undefined;
  /** The registry's Pods. */
  readonly pods: readonly V1Pod[];
  /** What keeps the cache from being what its spec says. */
  readonly trouble: Trouble | undefined;
  /** Of a cache that names a remote registry; undefined if it was not asked. */
  readonly remote?: RemoteAnswer | undefined;
  readonly clusterDomain: string;
  /** The present, as RFC 3339. */
  readonly time: string;
}

type Verdicts = Partial<Record<ConditionType, Verdict>>;

/** As a Deployment's progressDeadlineSeconds. */
export const progressDeadlineMs = 600_000;

const noProblem: Verdict = { status: "False", reason: "AsExpected", message: "No problem found." };
const notDeployed: Verdict = {
  status: "False",
  reason: "NotDeployed",
  message: "spec.deploy is false: there is nothing to roll out.",
};

/**
 * The status of a cache. It is the same object for the same observation, so that nothing is written when
 * nothing changed.
 *
 * @param observation - what was seen
 */
export function statusOf(observation: Observation): OrasCacheStatus {
  const { cache, time } = observation;
  const generation = cache.metadata?.generation ?? 0;
  const { verdicts, ...rest } = cache.spec.deploy ? deployed(observation) : remote(observation);
  return {
    observedGeneration: generation,
    ...rest,
    conditions: updateConditions(cache.status?.conditions ?? [], verdicts, generation, time),
  };
}

/**
 * After how many milliseconds the status changes by itself: a rollout has a deadline.
 *
 * @param status - as it is now
 * @param now - milliseconds since 1970
 */
export function untilDeadline(status: OrasCacheStatus, now: number): number | undefined {
  const progressing = conditionOf(status, "Progressing");
  if (progressing?.status !== "True") return undefined;
  // Whoever may write statuses may write a time that is still to come.
  const since = Math.min(Date.parse(progressing.lastTransitionTime), now);
  return Math.max(since + progressDeadlineMs - now, 0) + 1_000;
}

/**
 * A condition of a status.
 *
 * @param status - with conditions, or none
 * @param type - which
 */
export function conditionOf(status: OrasCacheStatus | undefined, type: ConditionType): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

function deployed(observation: Observation) {
  const { cache, statefulSet, trouble, clusterDomain, pods } = observation;
  const { name, namespace } = identityOf(cache);
  const readyReplicas = statefulSet?.status?.readyReplicas ?? 0;
  const url = cacheUrl(name, namespace, clusterDomain);
  const answers = `The registry answers at ${url}. Artifacts are kept in an emptyDir: they are lost when its Pod is deleted or evicted.`;
  const available: Verdict =
    readyReplicas > 0
      ? { status: "True", reason: "RegistryReady", message: answers }
      : { status: "False", reason: "RegistryNotReady", message: "No registry Pod is ready." };
  const progressing = progress(observation);
  const problem = trouble ?? (progressing.reason === deadlineReason ? progressing : undefined);
  const storage = storageOf(cache, pods);
  const verdicts: Verdicts = {
    Ready: ready(available, progressing, problem),
    Available: available,
    Progressing: progressing,
    Degraded: problem ? { ...problem, status: "True" } : noProblem,
    ...(isUpdatePending(statefulSet) ? { UpdatePending: updatePending(name) } : {}),
    ...storageLost(cache, storage),
  };
  return {
    url,
    replicas: statefulSet?.status?.replicas ?? 0,
    readyReplicas,
    storage,
    verdicts,
  };
}

const deadlineReason = "ProgressDeadlineExceeded";

function progress({ cache, statefulSet, time }: Observation): Verdict {
  if (isRolledOut(statefulSet))
    return { status: "False", reason: "RolledOut", message: "The registry is what the spec asks for." };
  const before = conditionOf(cache.status, "Progressing");
  const isSame = before?.observedGeneration === cache.metadata?.generation;
  const late =
    before?.status === "True"
      ? Date.parse(time) - Date.parse(before.lastTransitionTime) >= progressDeadlineMs
      : before?.reason === deadlineReason;
  if (isSame && late) {
    const message = `The registry did not become ready within ${progressDeadlineMs / 60_000} minutes. See: kubectl describe statefulset,pod.`;
    return { status: "False", reason: deadlineReason, message };
  }
  return {
    status: "True",
    reason: "RollingOut",
    message: "The registry's Pods are being started or replaced.",
  };
}

/** The summary, as kstatus and `kubectl wait` read it: True only when the cache is what its spec says. */
function ready(
  available: Verdict,
  progressing: Verdict,
  problem: Omit<Verdict, "status"> | undefined,
): Verdict {
  if (problem) return { status: "False", reason: problem.reason, message: problem.message };
  if (progressing.status === "True") return { ...progressing, status: "False" };
  return available;
}

function updatePending(name: string): Verdict {
  return {
    status: "True",
    reason: "PodKeepsArtifacts",
    message:
      "The operator would run the registry with other settings or another image, but a new Pod begins without " +
      `artifacts. It changes when the Pod is deleted: kubectl delete pod ${name}-0`,
  };
}

/** Which Pod's emptyDir holds the artifacts. A Pod that has not been ready yet holds none. */
function storageOf(cache: StoredOrasCache, pods: readonly V1Pod[]): OrasCacheStatus["storage"] {
  const pod = pods.find(
    ({ status, metadata }) =>
      !metadata?.deletionTimestamp &&
      status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True"),
  );
  const known = cache.status?.storage;
  if (pod === undefined || pod.metadata?.uid === known?.podUID) return known ?? { kind: "emptyDir" };
  const since = pod.status?.startTime;
  return {
    kind: "emptyDir",
    ...(pod.metadata?.uid === undefined ? {} : { podUID: pod.metadata.uid }),
    ...(since === undefined ? {} : { since: toSeconds(since) }),
  };
}

function toSeconds(time: Date | string): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

function storageLost(cache: StoredOrasCache, storage: OrasCacheStatus["storage"]): Verdicts {
  const before = cache.status?.storage?.podUID;
  if (before !== undefined && before !== storage?.podUID) {
    const message = `The registry's Pod was replaced. The artifacts that were pushed before ${storage?.since ?? "it started"} were in its emptyDir and are lost.`;
    return { StorageLost: { status: "True", reason: "PodReplaced", message } };
  }
  const known = conditionOf(cache.status, "StorageLost");
  if (known === undefined) return {};
  const { status, reason, message } = known;
  return { StorageLost: { status, reason: reason as ConditionReason, message } };
}

function remote({ cache, remote: answer }: Observation) {
  const { registry } = cache.spec;
  const url = registry === undefined ? undefined : remoteUrl(registry);
  const available = remoteVerdict(url, answer);
  const verdicts: Verdicts = {
    Ready: available,
    Available: available,
    Progressing: notDeployed,
    Degraded: available.status === "False" ? { ...available, status: "True" } : noProblem,
  };
  return { ...(url === undefined ? {} : { url }), replicas: 0, readyReplicas: 0, verdicts };
}

function remoteVerdict(url: string | undefined, answer: RemoteAnswer | undefined): Verdict {
  if (url === undefined) {
    const message = "spec.deploy is false and spec.registry is not set: each Pod names its own registry.";
    return { status: "True", reason: "NotDeployed", message };
  }
  if (answer?.answers === false)
    return { status: "False", reason: "RegistryUnreachable", message: answer.message };
  const message = `Pods use ${url}.${answer?.answers === undefined && answer ? ` ${answer.message}` : ""}`;
  return { status: "True", reason: "RemoteRegistry", message };
}
