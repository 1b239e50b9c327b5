import type { V1PersistentVolumeClaim, V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { amountOf, roundBytes } from "../annotations/quantity.ts";
import { capacityOf } from "./claim.ts";
import type { Verdict } from "./conditions.ts";
import { isEmptied } from "./emptying.ts";
import { limitsOf } from "./fullness.ts";
import { isReady } from "./pods.ts";
import { isOnS3, s3Location } from "./s3.ts";
import { mayBeElsewhere, type Storage, storageOf } from "./storage.ts";
import { isOnClaim } from "./trouble.ts";
import type { OrasCacheStatus, StoredOrasCache } from "./types.ts";
import type { Usage } from "./usage.ts";
import { percentOf } from "./usage.ts";

export type StorageStatus = NonNullable<OrasCacheStatus["storage"]>;

/**
 * Where the artifacts are, and how full it is there. It stays the same until something differs by more than a little.
 *
 * @param cache - with its status as stored
 * @param pods - the registry's
 * @param claim - the operator's, if there is one
 * @param usage - as the keeper of the Pod that is ready says, if it was asked lately
 */
export function storageStatus(
  cache: StoredOrasCache,
  pods: readonly V1Pod[],
  claim: V1PersistentVolumeClaim | undefined,
  usage?: Usage,
): StorageStatus {
  const known = cache.status?.storage;
  const place = placeOf(cache, pods, claim);
  const before = isSamePlace(known, place) ? known : undefined;
  return { ...place, ...measures(place, before, usage) };
}

/** Which numbers, once known, hold until others are. */
function measures(
  { capacity, since }: StorageStatus,
  before: StorageStatus | undefined,
  usage: Usage | undefined,
): Partial<StorageStatus> {
  const { room } = usage ?? {};
  const measured = usage && {
    used: roundBytes(usage.bytes, before?.used),
    artifacts: usage.artifacts,
    objects: usage.objects,
    measured: usage.measured,
  };
  const { used, artifacts, objects, measured: time } = measured ?? before ?? {};
  const all = {
    capacity: capacity ?? (room ? roundBytes(room.capacity, before?.capacity) : before?.capacity),
    ...{ used, artifacts, objects, measured: time },
    fullPercent: room ? roundPercent(percentOf(room), before?.fullPercent) : before?.fullPercent,
    volumeID: usage?.volume ?? before?.volumeID,
    since: since ?? usage?.since ?? (usage === undefined ? before?.since : undefined),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** A file system at rest is not quite at rest. */
function roundPercent(exact: number, before: number | undefined): number {
  return before !== undefined && Math.abs(exact - before) <= 1 ? before : Math.floor(exact);
}

function isSamePlace(known: StorageStatus | undefined, now: StorageStatus): boolean {
  const place = ["podUID", "claim", "claimUID", "location"] as const;
  return place.every((field) => known?.[field] === now[field]);
}

/**
 * In the emptyDir of a Pod, or on the volume of a claim. A Pod that has not been ready yet holds none; so where the spec asks
 * for a volume and a Pod with an emptyDir still runs, they are in that one.
 */
function placeOf(
  cache: StoredOrasCache,
  pods: readonly V1Pod[],
  claim: V1PersistentVolumeClaim | undefined,
): StorageStatus {
  const known = cache.status?.storage;
  const wanted = storageOf(cache);
  const pod = pods.find(isReady);
  const isEphemeral = pod === undefined ? known?.podUID !== undefined : !isOnClaim(pod) && !isOnS3(pod);
  if (wanted.kind === "s3" && !isEphemeral) return { kind: "s3", ...locationOf(cache) };
  if (wanted.kind === "persistentVolumeClaim" && !isEphemeral) return claimStatus(wanted, known, claim);
  if (pod === undefined || pod.metadata?.uid === known?.podUID)
    return known === undefined ? { kind: wanted.kind } : placeIn(known);
  const since = pod.status?.startTime;
  return {
    kind: "emptyDir",
    ...(pod.metadata?.uid === undefined ? {} : { podUID: pod.metadata.uid }),
    ...(since === undefined ? {} : { since: toSeconds(since) }),
  };
}

/** The rest of a status is measured. */
function placeIn({ kind, podUID, since, claim, claimUID, capacity }: StorageStatus): StorageStatus {
  const optional = { podUID, since, claim, claimUID, ...(podUID === undefined ? { capacity } : {}) };
  return {
    kind,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
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

function locationOf(cache: StoredOrasCache): Pick<StorageStatus, "location"> {
  const location = s3Location(cache);
  return location === undefined ? {} : { location };
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
  return isElsewhere(before, now) || isOtherVolume(before, now);
}

function isElsewhere(before: StorageStatus | undefined, now: StorageStatus | undefined): boolean {
  if (before?.podUID !== undefined) return before.podUID !== now?.podUID;
  if (before?.claim === undefined) return false;
  return before.claim !== now?.claim || (before.claimUID !== undefined && before.claimUID !== now.claimUID);
}

/** The same claim, and the keeper finds another mark than before. A volume that held nothing is no loss. */
function isOtherVolume(before: StorageStatus | undefined, now: StorageStatus | undefined): boolean {
  const ids = [before?.volumeID, now?.volumeID];
  return !ids.includes(undefined) && ids[0] !== ids[1] && (before?.artifacts ?? 0) > 0;
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
  if (!isElsewhere(before, now)) {
    const message = `The volume of PersistentVolumeClaim "${now.claim}" is another one than before, or was emptied; it is in use since ${now.since ?? "lately"}. The ${before?.artifacts} artifacts that were there are not.`;
    return { status: "True", reason: "VolumeReplaced", message };
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
 * Whether a volume is nearly full, and what that means.
 *
 * @param cache - as stored
 * @param storage - as it is
 * @returns undefined where there is room, or nobody knows
 */
export function lowVerdict(cache: StoredOrasCache, storage: StorageStatus): Verdict | undefined {
  const { fullPercent, capacity, used, artifacts } = storage;
  const { warnAt, refuseAt } = limitsOf(cache);
  if (fullPercent === undefined || fullPercent < warnAt) return undefined;
  const refuses = fullPercent >= refuseAt;
  const message =
    `${titleOf(cache, storage)} is ${fullPercent} % full (${capacity}); ${artifacts} artifacts take ${used}. ` +
    `From ${refuseAt} % on, steps with an output ${refuses ? "" : "will "}fail before their program runs. ` +
    `Make it larger, or delete artifacts${comesBack(cache)}.`;
  return { status: "True", reason: refuses ? "RefusesSteps" : "NearlyFull", message };
}

/** When the space of what is deleted is there. A run takes what nothing names, the second after it removes that. */
function comesBack({ spec: { retention } }: StoredOrasCache): string {
  if (retention === undefined) return " and set spec.retention, without which they free nothing";
  const stops = (["suspend", "dryRun"] as const).filter((field) => retention[field]);
  if (stops.length === 0) return ", whose space comes back by the runs of spec.retention";
  return `, which free nothing while ${stops.map((field) => `spec.retention.${field}`).join(" or ")} is true`;
}

function titleOf({ spec }: StoredOrasCache, { claim }: StorageStatus): string {
  if (claim !== undefined) return `The volume of PersistentVolumeClaim ${claim}`;
  return spec.storage?.emptyDir?.sizeLimit === undefined
    ? "The file system of the registry's node, on which its emptyDir is,"
    : "The emptyDir of the registry's Pod";
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
  if (storage.location !== undefined)
    return `Artifacts are kept in S3, in ${storage.location}: they outlive its Pods${isEmptied(cache) ? "" : ` and the ${names.kind}`}.`;
  const unless = mayBeElsewhere(cache)
    ? ", unless the variables of secrets.orasEnv or env choose another storage"
    : "";
  return `Artifacts are kept in an emptyDir: they are lost when its Pod is deleted or evicted${unless}.`;
}
