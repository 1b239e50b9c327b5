import type { V1PersistentVolumeClaim, V1Pod } from "@kubernetes/client-node";
import { amountOf } from "../annotations/quantity.ts";
import { capacityOf } from "./claim.ts";
import type { Verdict } from "./conditions.ts";
import { isReady } from "./pods.ts";
import { mayBeElsewhere, type Storage, storageOf } from "./storage.ts";
import { isOnClaim } from "./trouble.ts";
import type { OrasCacheStatus, StoredOrasCache } from "./types.ts";

export type StorageStatus = NonNullable<OrasCacheStatus["storage"]>;

/**
 * Where the artifacts are: in the emptyDir of a Pod, or on the volume of a claim. A Pod that has not been ready yet holds
 * none; so where the spec asks for a volume and a Pod with an emptyDir still runs, they are in that one.
 *
 * @param cache - with its status as stored
 * @param pods - the registry's
 * @param claim - the operator's, if there is one
 */
export function storageStatus(
  cache: StoredOrasCache,
  pods: readonly V1Pod[],
  claim: V1PersistentVolumeClaim | undefined,
): StorageStatus {
  const known = cache.status?.storage;
  const wanted = storageOf(cache);
  const pod = pods.find(isReady);
  const isEphemeral = pod === undefined ? known?.podUID !== undefined : !isOnClaim(pod);
  if (wanted.kind === "persistentVolumeClaim" && !isEphemeral) return claimStatus(wanted, known, claim);
  if (pod === undefined || pod.metadata?.uid === known?.podUID) return known ?? { kind: wanted.kind };
  const since = pod.status?.startTime;
  return {
    kind: "emptyDir",
    ...(pod.metadata?.uid === undefined ? {} : { podUID: pod.metadata.uid }),
    ...(since === undefined ? {} : { since: toSeconds(since) }),
  };
}

function claimStatus(
  { claim: name }: Storage & { kind: "persistentVolumeClaim" },
  known: StorageStatus | undefined,
  claim: V1PersistentVolumeClaim | undefined,
): StorageStatus {
  const before = known?.claim === name ? known : undefined;
  const claimUID = claim?.metadata?.uid ?? before?.claimUID;
  const capacity = capacityOf(claim) ?? before?.capacity;
  return {
    kind: "persistentVolumeClaim",
    claim: name,
    ...(claimUID === undefined ? {} : { claimUID }),
    ...(capacity === undefined ? {} : { capacity }),
  };
}

function toSeconds(time: Date | string): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/**
 * Whether artifacts are out of reach: they were in another Pod's emptyDir, or on another volume.
 *
 * @param before - the status as stored
 * @param now - as it is
 */
export function isReplaced(before: StorageStatus | undefined, now: StorageStatus | undefined): boolean {
  if (before?.podUID !== undefined) return before.podUID !== now?.podUID;
  if (before?.claim === undefined) return false;
  return before.claim !== now?.claim || (before.claimUID !== undefined && before.claimUID !== now.claimUID);
}

/**
 * What was lost, once it is.
 *
 * @param before - the status as stored
 * @param now - as it is
 */
export function lossVerdict(before: StorageStatus | undefined, now: StorageStatus): Verdict | undefined {
  if (!isReplaced(before, now)) return undefined;
  if (before?.podUID !== undefined) {
    const message = `The registry's Pod was replaced. The artifacts that were pushed before ${now.since ?? "it started"} were in its emptyDir and are lost.`;
    return { status: "True", reason: "PodReplaced", message };
  }
  const named = now.claim === undefined ? "an emptyDir" : `"${now.claim}"`;
  const other = before?.claim === now.claim ? "another one of this name" : named;
  const message = `The registry used PersistentVolumeClaim "${before?.claim}" and now uses ${other}. The artifacts on the volume before are not there.`;
  return { status: "True", reason: "ClaimReplaced", message };
}

/**
 * What to tell when a volume has become larger.
 *
 * @param before - the status as stored
 * @param now - as it is
 */
export function grownTo(
  before: StorageStatus | undefined,
  now: StorageStatus | undefined,
): string | undefined {
  const isSame = before?.claimUID !== undefined && before.claimUID === now?.claimUID;
  if (!isSame || before.capacity === undefined || now.capacity === undefined) return undefined;
  if (amountOf(now.capacity) <= amountOf(before.capacity)) return undefined;
  return `The volume of PersistentVolumeClaim ${now.claim} has grown from ${before.capacity} to ${now.capacity}.`;
}

/**
 * What becomes of the artifacts, in a sentence.
 *
 * @param cache - as stored
 * @param storage - where they are
 */
export function fateOf(cache: StoredOrasCache, storage: StorageStatus): string {
  if (storage.claim !== undefined) {
    const size = storage.capacity === undefined ? "" : ` (${storage.capacity})`;
    return `Artifacts are kept on the volume of PersistentVolumeClaim ${storage.claim}${size}: they outlive its Pod.`;
  }
  const unless = mayBeElsewhere(cache)
    ? ", unless the variables of secrets.orasEnv or env choose another storage"
    : "";
  return `Artifacts are kept in an emptyDir: they are lost when its Pod is deleted or evicted${unless}.`;
}
