import type { V1PersistentVolumeClaim, V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { ConditionReason, ConditionType } from "../../schema/reasons.ts";
import { loginSecretName, podAsksForPassword } from "./access.ts";
import { isClosed } from "./access-secrets.ts";
import { cacheHost, remoteUrl } from "./address.ts";
import { capacityOf, isGrowing, requestOf } from "./claim.ts";
import { updateConditions, type Verdict } from "./conditions.ts";
import { type Exporting, exportVerdict } from "./export.ts";
import type { CacheInstallation } from "./facts.ts";
import { keeperVerdict, type Way } from "./keeper-fault.ts";
import { loginOf, rotationVerdict } from "./logins.ts";
import { mirrorVerdict } from "./mirror.ts";
import { networkModeOf } from "./network-mode.ts";
import { nodesVerdict, nodeUrl } from "./nodes.ts";
import { identityOf } from "./owner.ts";
import { changesOf } from "./pod-changes.ts";
import { registryAnswers } from "./pods.ts";
import { type RetentionOutcome, retentionStatus } from "./retention-status.ts";
import { isRolledOut, isUpdatePending } from "./rollout.ts";
import { fateOf, lossVerdict, lowVerdict, type StorageStatus, storageStatus } from "./storage-status.ts";
import { servesTls } from "./tls.ts";
import { podDiffersByUsers } from "./told-users.ts";
import { type Trouble, together } from "./trouble.ts";
import type { Condition, OrasCacheStatus, StoredOrasCache } from "./types.ts";
import type { Usage } from "./usage.ts";
import { type Users, usersVerdict } from "./users.ts";

/** Whether a remote registry answers: a sentence that says why not, or why it was not asked. */
export interface RemoteAnswer {
  readonly answers: boolean | undefined;
  readonly message: string;
}

/** What a status is made from. */
export interface Observation {
  readonly cache: StoredOrasCache;
  readonly statefulSet: V1StatefulSet | undefined;
  /** The operator's claim, where artifacts are on a volume. */
  readonly claim: V1PersistentVolumeClaim | undefined;
  /** The registry's Pods. */
  readonly pods: readonly V1Pod[];
  /** What keeps the cache from being what its spec says. */
  readonly trouble: Trouble | undefined;
  /** How full the volume is, as the keeper of the Pod that is ready says; undefined if it was not asked lately. */
  readonly usage?: Usage | undefined;
  /** What the keeper says of the Secret with other users. */
  readonly users?: Users | undefined;
  /** Whether the keeper is reached; undefined where there is none to ask. */
  readonly way?: Way | undefined;
  /** How the last pass of retention ended, if this process has seen it. */
  readonly retention?: RetentionOutcome | undefined;
  /** Of a cache that names a remote registry; undefined if it was not asked. */
  readonly remote?: RemoteAnswer | undefined;
  /** What is known of the export before the cache goes; undefined where there is nothing to say. */
  readonly exporting?: Exporting | undefined;
  readonly installation: CacheInstallation;
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
    ...(cache.status?.auth === undefined ? {} : { auth: cache.status.auth }),
    ...(cache.status?.memo === undefined ? {} : { memo: cache.status.memo }),
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
  if (progressing?.status !== "True" || progressing.reason !== rollingOut.reason) return undefined;
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
  const { cache, statefulSet, claim, trouble, installation, pods } = observation;
  const readyReplicas = statefulSet?.status?.readyReplicas ?? 0;
  const url = urlOf(cache, pods, installation);
  // Whoever is refused a folder of a bucket has not got it; what runs already goes on where it is.
  const storage =
    trouble?.reason === "PrefixTaken"
      ? (cache.status?.storage ?? { kind: "s3" })
      : storageStatus(cache, pods, claim, observation.usage);
  const answers = `The registry answers at ${url}. ${fateOf(cache, storage)}`;
  const available: Verdict =
    readyReplicas > 0 || pods.some(registryAnswers)
      ? { status: "True", reason: "RegistryReady", message: answers }
      : notAvailable(cache, storage);
  const low = lowVerdict(cache, storage);
  const progressing = progress(observation);
  const problem = trouble ?? (progressing.reason === deadlineReason ? progressing : undefined);
  const retention = retentionStatus(cache, observation.retention);
  const open = openVerdict(observation);
  // Who asked for a password is not to believe that there is one.
  const stillOpen = open.Open?.reason === "StillOpen" ? open.Open : undefined;
  const verdicts: Verdicts = {
    Ready: ready(
      available,
      progressing,
      together<Omit<Verdict, "status">>([problem, stillOpen, stillPlain(observation)]),
    ),
    Available: available,
    Progressing: progressing,
    Degraded: problem ? { ...problem, status: "True" } : noProblem,
    ...(retention.verdict === undefined ? {} : { SweepHealthy: retention.verdict }),
    ...mirrored(observation),
    ...exported(observation),
    ...updatePending(observation),
    ...storageLost(cache, storage),
    ...(low === undefined ? {} : { StorageLow: low }),
    ...usersProblem(observation),
    ...nodesBlocked(observation),
    ...keeperUnreachable(observation),
    ...rotating(observation),
    ...open,
    ...(trouble?.reason === "NodeLost" ? { NodeLost: { ...trouble, status: "True" } } : {}),
  };
  return {
    url,
    ...nodeUrl(cache.spec),
    replicas: statefulSet?.status?.replicas ?? 0,
    readyReplicas,
    storage: withRetention(storage, retention.storage),
    ...credentials(observation),
    verdicts,
  };
}

function urlOf(cache: StoredOrasCache, pods: readonly V1Pod[], { clusterDomain }: CacheInstallation): string {
  const scheme = servesTls(cache, pods) ? "https" : "http";
  return `${scheme}://${cacheHost(identityOf(cache), cache.spec, clusterDomain)}`;
}

/** Whether Pods are of an earlier revision by nothing but users of the operator's, which their keepers know. */
function areTold({ statefulSet, pods }: Observation): boolean {
  const template = statefulSet?.spec?.template;
  const run = pods.filter(({ metadata }) => !metadata?.deletionTimestamp);
  return template !== undefined && run.length > 0 && run.every((pod) => podDiffersByUsers(template, pod));
}

function rotating({ cache, statefulSet, installation, time }: Observation): Verdicts {
  if (!isClosed(cache, { ...installation, statefulSet })) return {};
  const verdict = rotationVerdict(cache, Date.parse(time));
  return verdict === undefined ? {} : { Rotating: verdict };
}

function usersProblem({ cache, users }: Observation): Verdicts {
  const verdict = usersVerdict(cache, users);
  return verdict === undefined ? {} : { UsersProblem: verdict };
}

function nodesBlocked({ cache, statefulSet, installation: { network } }: Observation): Verdicts {
  const verdict = nodesVerdict(cache, { network, statefulSet });
  return verdict === undefined ? {} : { NodesBlocked: verdict };
}

function keeperUnreachable({ cache, way, statefulSet, installation }: Observation): Verdicts {
  if (way === undefined) return {};
  const facts = { ...installation, statefulSet };
  const verdict = keeperVerdict(cache, facts, way.reach, known(cache, "KeeperUnreachable"));
  return verdict === undefined ? {} : { KeeperUnreachable: verdict };
}

function withRetention(
  { lastSweep: _, freedBytes: __, ...storage }: StorageStatus,
  swept: Pick<StorageStatus, "lastSweep" | "freedBytes">,
): StorageStatus {
  return { ...storage, ...swept };
}

/** That the registry serves no TLS although its spec asks for it. */
function stillPlain({ cache, pods, statefulSet }: Observation): Verdict | undefined {
  if (cache.spec.tls === undefined || servesTls(cache, pods) || !isUpdatePending(statefulSet))
    return undefined;
  const message =
    "The registry's Pod runs without TLS since before it was asked for, and is not replaced, because its artifacts would be " +
    `lost. To replace it: ${restartCommand(cache)}`;
  return { status: "False", reason: "StillPlain", message };
}

/** That the registry asks for no password, or is reached by every Pod, where it should not or new ones are not. */
function openVerdict(observation: Observation): Verdicts {
  const { cache, pods, statefulSet, installation } = observation;
  const isAsked = isClosed(cache, { ...installation, statefulSet });
  const runs = pods.filter(({ metadata }) => !metadata?.deletionTimestamp);
  if (isAsked && !runs.every(({ spec }) => spec === undefined || podAsksForPassword(spec))) {
    const message =
      "The registry's Pod runs without a password since before one was asked for, and is not replaced, because its " +
      `artifacts would be lost. Whoever reaches it may read, overwrite and delete them. To replace it: ${restartCommand(cache)}`;
    return { Open: { status: "True", reason: "StillOpen", message } };
  }
  const isKeptOpen = !isAsked && cache.spec.auth === undefined && installation.auth === "htpasswd";
  const said = [...(isKeptOpen ? [keptOpen] : []), ...(isKeptReachable(observation) ? [keptReachable] : [])];
  if (said.length === 0) return {};
  const reason = isKeptOpen ? "KeptOpen" : "KeptReachable";
  return { Open: { status: "True", reason, message: said.join(" ") } };
}

const keptOpen =
  "The registry ran without a password before the operator's option registry-auth asked for one, and stays open: " +
  "Pods that run have no password. Whoever reaches it may read, overwrite and delete artifacts. When no step runs, " +
  "set spec.auth.type to htpasswd; set it to none to keep the registry open.";

const keptReachable =
  "Every Pod of the cluster reaches the registry, as before the operator's option registry-network-policy closed new ones: " +
  "steps of other namespaces may use it. Set spec.networkPolicy.mode to namespace, with the others in from; set it to none " +
  "to leave the registry as it is.";

function isKeptReachable({ cache, statefulSet, installation }: Observation): boolean {
  const isOpen = networkModeOf(cache, { network: installation.network, statefulSet }) === "none";
  return isOpen && cache.spec.networkPolicy?.mode === undefined && installation.network === "namespace";
}

/** Also as long as a Pod asks for the password that is not to ask for one any more. */
function credentials({
  cache,
  statefulSet,
  pods,
  installation,
}: Observation): Pick<OrasCacheStatus, "credentialsSecret"> {
  const asks =
    isClosed(cache, { ...installation, statefulSet }) || pods.some(({ spec }) => podAsksForPassword(spec));
  return asks ? { credentialsSecret: loginSecretName(identityOf(cache), installation, loginOf(cache)) } : {};
}

function notAvailable({ spec }: StoredOrasCache, { claim, location }: StorageStatus): Verdict {
  if (!spec.suspend)
    return { status: "False", reason: "RegistryNotReady", message: "No registry Pod is ready." };
  const message = `spec.suspend is true: no registry runs, and steps wait. ${location ?? `PersistentVolumeClaim ${claim}`} keeps the artifacts.`;
  return { status: "False", reason: "Suspended", message };
}

const deadlineReason = "ProgressDeadlineExceeded";

const rollingOut: Verdict = {
  status: "True",
  reason: "RollingOut",
  message: "The registry's Pods are being started or replaced.",
};

function progress({ cache, statefulSet, claim, time }: Observation): Verdict {
  if (isRolledOut(statefulSet)) {
    if (isGrowing(claim)) return growing(claim);
    return cache.spec.suspend
      ? { status: "False", reason: "Suspended", message: "spec.suspend is true: no registry runs." }
      : { status: "False", reason: "RolledOut", message: "The registry is what the spec asks for." };
  }
  const before = conditionOf(cache.status, "Progressing");
  const isSame = before?.observedGeneration === cache.metadata?.generation;
  const late =
    before?.status === "True"
      ? before.reason === rollingOut.reason &&
        Date.parse(time) - Date.parse(before.lastTransitionTime) >= progressDeadlineMs
      : before?.reason === deadlineReason;
  if (isSame && late) {
    const message = `The registry did not become ready within ${progressDeadlineMs / 60_000} minutes. See: kubectl describe statefulset,pod.`;
    return { status: "False", reason: deadlineReason, message };
  }
  return rollingOut;
}

/** Without a deadline: some volumes wait for their Pod to end, and say so. */
function growing(claim: V1PersistentVolumeClaim | undefined): Verdict {
  const words = claim?.status?.conditions?.map(({ message }) => message).filter(Boolean) ?? [];
  const message = `The volume of PersistentVolumeClaim ${claim?.metadata?.name} grows from ${capacityOf(claim)} to ${requestOf(claim)}. ${words.join(" ")}`;
  return { status: "True", reason: "VolumeGrowing", message: message.trim() };
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

function updatePending(observation: Observation): Verdicts {
  const { cache, statefulSet, pods } = observation;
  if (!isUpdatePending(statefulSet) || areTold(observation)) return {};
  const pod = pods.find(({ metadata }) => !metadata?.deletionTimestamp);
  const template = statefulSet?.spec?.template;
  const changes = template && pod?.spec ? changesOf(template, pod).join("; ") : "";
  const verdict: Verdict = {
    status: "True",
    reason: "PodKeepsArtifacts",
    message:
      `The registry's Pod does not have the latest settings${changes === "" ? "" : ` (${changes})`}. It is not replaced by ` +
      `itself, because its artifacts would be lost. To replace it, delete it, or run: ${restartCommand(cache)}`,
  };
  return { UpdatePending: verdict };
}

function restartCommand(cache: StoredOrasCache): string {
  const { name, namespace } = identityOf(cache);
  return `kubectl annotate --overwrite --namespace ${namespace} ${names.singular} ${name} ${names.restartAnnotation}="$(date)"`;
}

function storageLost(cache: StoredOrasCache, storage: StorageStatus): Verdicts {
  const lost = lossVerdict(cache.status?.storage, storage);
  if (lost !== undefined) return { StorageLost: lost };
  const before = known(cache, "StorageLost");
  return before === undefined ? {} : { StorageLost: before };
}

function mirrored({ cache, usage, installation, time }: Observation): Verdicts {
  const verdict = mirrorVerdict(cache, { usage, installation, time, before: known(cache, "Mirrored") });
  return verdict === undefined ? {} : { Mirrored: verdict };
}

function exported({ cache, exporting, trouble }: Observation): Verdicts {
  return exporting === undefined ? {} : { Exported: exportVerdict(cache, exporting, trouble) };
}

/** What the status says already. */
function known(cache: StoredOrasCache, type: ConditionType): Verdict | undefined {
  const found = conditionOf(cache.status, type);
  return found && { status: found.status, reason: found.reason as ConditionReason, message: found.message };
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
