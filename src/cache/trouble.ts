import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import type { ReasonOfKubernetes, TroubleReason } from "../../schema/reasons.ts";
import { resourceRefusal } from "./admission.ts";
import { type ImageVolume, volumeNotMounted, volumeNotPulled } from "./image-trouble.ts";
import { isOnS3 } from "./s3.ts";

/** Why something does not work: a reason in one word, and the message of the kubelet, the scheduler or the API server. */
export interface Trouble {
  readonly reason: TroubleReason;
  readonly message: string;
  /** Of a volume whose image cannot be pulled or mounted. */
  readonly volume?: ImageVolume;
}

/** So many are named; who has more of them sees the others once these are gone. */
const mostTogether = 6;

/**
 * Several problems as one: with the reason of the first, and a message that has all of them, so that nobody learns of the second
 * only once the first is solved. A condition has one reason.
 *
 * @param troubles - the one that matters most first
 * @returns undefined where there is none; where there is one, that
 */
export function together<T extends { readonly reason: string; readonly message: string }>(
  troubles: readonly (T | undefined)[],
): T | undefined {
  const all = troubles.filter((trouble) => trouble !== undefined);
  const different = all.filter(
    ({ message }, i) => !all.slice(0, i).some((before) => before.message.includes(message)),
  );
  const [first, ...others] = different;
  if (first === undefined || others.length === 0) return first;
  const told = others
    .slice(0, mostTogether - 1)
    .map(({ reason, message }) => ` Also ${reason}: ${sentence(message)}`);
  const left = others.length - told.length;
  return {
    ...first,
    message: sentence(first.message) + told.join("") + (left > 0 ? ` And ${left} more.` : ""),
  };
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Reasons that the kubelet and the container runtime give for an image that is not there. */
const imageReasons = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "ImageInspectError",
  "RegistryUnavailable",
  "SignatureValidationFailed",
]);
/** The usual way to start, not a problem. */
const startingReasons = new Set(["ContainerCreating", "PodInitializing"]);

/**
 * Why a Pod does not run, in the kubelet's or the scheduler's words.
 *
 * @param pod - with its status
 * @returns undefined while nothing is wrong
 */
export function troubleOf(pod: V1Pod): Trouble | undefined {
  const { phase, reason, message, conditions = [] } = pod.status ?? {};
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const name = pod.metadata?.name;
  if (phase === "Failed")
    return {
      reason: (reason as ReasonOfKubernetes | undefined) ?? "PodFailed",
      message: `Pod ${name} failed: ${message ?? "no reason given"}`,
    };
  const scheduled = conditions.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") {
    return {
      reason: (scheduled.reason as ReasonOfKubernetes | undefined) ?? "Unschedulable",
      message: `Pod ${name}: ${scheduled.message ?? "it is not scheduled"}`,
    };
  }
  const found = together(
    [...initContainerStatuses, ...containerStatuses].map((status) => containerTrouble(status, pod.spec)),
  );
  return found && { ...found, message: `Pod ${name}: ${found.message}` };
}

/** What the keeper says before the registry, by its exit code. */
const refusals = [
  [exitCodes.envConflicts, "EnvConflicts"],
  [exitCodes.certificateUnusable, "CertificateUnusable"],
] as const;

function containerTrouble(status: V1ContainerStatus, spec: V1Pod["spec"]): Trouble | undefined {
  const { name, state, lastState } = status;
  const refusal = refusalOf(status);
  if (refusal !== undefined) return refusal;
  const { reason, message } = state?.waiting ?? {};
  if (reason === undefined || startingReasons.has(reason)) return undefined;
  const ofImage = imageTrouble(status, spec, reason);
  if (ofImage !== undefined) return ofImage;
  const ended = lastState?.terminated;
  const last = ended ? ` (last exit code ${ended.exitCode}${ended.reason ? `, ${ended.reason}` : ""})` : "";
  // The back-off's message counts up.
  const text = reason === "CrashLoopBackOff" ? "it ends again and again" : (message ?? "no reason given");
  const why = ended?.message ? `: ${ended.message.trim()}` : "";
  return { reason: reason as ReasonOfKubernetes, message: `container ${name}: ${text}${last}${why}` };
}

/** Why a container's image, or that of a volume of its, is not there for it. */
function imageTrouble(status: V1ContainerStatus, spec: V1Pod["spec"], reason: string): Trouble | undefined {
  const { message } = status.state?.waiting ?? {};
  if (imageReasons.has(reason)) {
    // The kubelet's two messages take turns; they differ in their beginning.
    const cause = message?.replace(/^Back-off pulling image "[^"]*"(: ErrImagePull: )?/, "") || reason;
    const volume = volumeNotPulled(status, spec);
    const image = volume ? `${volume.reference} of the volume ${volume.name}` : status.image;
    const text = `image ${image} cannot be pulled: ${cause}`;
    return { reason: "ImagePullFailed", message: text, ...(volume && { volume }) };
  }
  const volume = volumeNotMounted(status, spec);
  if (volume === undefined) return undefined;
  const text = `image ${volume.reference} of the volume ${volume.name} cannot be mounted: ${message || reason}`;
  return { reason: reason as ReasonOfKubernetes, message: text, volume };
}

/** Why the keeper lets no registry start. That holds while it is started again, so that the reason does not come and go. */
function refusalOf({ name, state, lastState }: V1ContainerStatus): Trouble | undefined {
  if (name !== names.keeperInitContainer) return undefined;
  const ended = state?.terminated ?? lastState?.terminated;
  const [code, reason] = refusals.find(([{ code }]) => code === ended?.exitCode) ?? [];
  return reason && { reason, message: ended?.message?.trim() ?? code?.meaning ?? "" };
}

/**
 * Why a StatefulSet has no Pod, from the Event that its controller writes.
 *
 * @param note - the Event's, reason FailedCreate
 */
export function refusedPod(note: string): Trouble {
  const message = note.replace(/^create Pod \S+ in StatefulSet \S+ failed error: /, "");
  const refusal = resourceRefusal(message);
  if (refusal !== undefined) return { reason: refusal, message };
  if (message.includes("violates PodSecurity")) return { reason: "PodSecurityViolation", message };
  return { reason: "PodRefused", message };
}

/**
 * Whether there may be artifacts in a Pod that are lost with it: its registry has run, on an emptyDir.
 *
 * @param pod - with its status
 */
export function mayHoldArtifacts(pod: V1Pod): boolean {
  // The keeper pushes nothing.
  const hasRun = (pod.status?.containerStatuses ?? []).some(
    ({ name, state, lastState }) =>
      name === names.registryContainer && (state?.running ?? state?.terminated ?? lastState?.terminated),
  );
  return hasRun && !isOnClaim(pod) && !isOnS3(pod);
}

/** Whether a registry's Pod keeps its artifacts on a volume of its own life. */
export function isOnClaim({ spec }: V1Pod): boolean {
  return (spec?.volumes ?? []).some(
    ({ name, persistentVolumeClaim }) => name === names.registryDataVolume && persistentVolumeClaim,
  );
}

/** After the end of its grace period a Pod is gone within moments, unless its kubelet does not answer. */
const lostAfterMs = 60_000;

/**
 * Whether a Pod stays because its node does not say that it has ended. The StatefulSet makes no other one meanwhile, lest
 * two write to one volume; only a person can know that the node is dead.
 *
 * @param pod - with its status
 * @param now - milliseconds since 1970
 * @returns the trouble, or after how many milliseconds it would be one; undefined where nothing ends
 */
export function lostNode({ metadata, spec }: V1Pod, now: number): Trouble | number | undefined {
  // The API server puts the end of the grace period there.
  const { deletionTimestamp, name, namespace, finalizers = [] } = metadata ?? {};
  if (deletionTimestamp === undefined || finalizers.length > 0) return undefined;
  const lostAt = new Date(deletionTimestamp).getTime() + lostAfterMs;
  if (now < lostAt) return lostAt - now;
  const node = spec?.nodeName ?? "";
  return {
    reason: "NodeLost",
    message:
      `Pod ${name} should have ended at ${new Date(deletionTimestamp).toISOString()}, and node ${node} does not say that it has. ` +
      "No other Pod is started while it may still run. If the node is shut down or gone for good: " +
      `kubectl taint node ${node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute, or ` +
      `kubectl delete pod --namespace ${namespace} ${name} --force --grace-period=0`,
  };
}
