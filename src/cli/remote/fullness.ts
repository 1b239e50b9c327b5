import { names } from "../../../schema/names.ts";
import { amountOf, roundBytes } from "../../annotations/quantity.ts";
import { limitsOf } from "../../cache/fullness.ts";
import { hasKeeper, storageOf } from "../../cache/storage.ts";
import type { OrasCache, StoredOrasCache } from "../../cache/types.ts";
import { percentOf, type Room } from "../../cache/usage.ts";
import { exits } from "../exits.ts";
import { programName } from "../name.ts";
import { CliError, reasonOf } from "../output.ts";
import { shortSize } from "../show/sizes.ts";
import { type KeeperRoom, roomOf } from "./ask-keeper.ts";
import { nameOf } from "./find-cache.ts";
import type { OpenRegistry } from "./open.ts";

/**
 * Whether a cache takes what is to be pushed: what fills an emptyDir beyond its limit is lost with everything else in it, and
 * steps are refused for the same reason.
 *
 * @param open - a registry; one that is no cache's is not asked
 * @param bytes - that are pushed; 0 asks whether it takes anything
 * @returns what to warn of, as sentences
 * @throws CliError where the cache is being deleted, is full, or would be
 */
export async function assertTakes({ of }: OpenRegistry, bytes: number): Promise<readonly string[]> {
  if (of === undefined) return [];
  const { cache, session } = of;
  if (cache.metadata?.deletionTimestamp !== undefined) {
    const message = `The ${names.kind} ${nameOf(cache)} in the namespace ${session.namespace} is being deleted: what is put now may be lost. Nothing was pushed. Use another cache, or create this one again when it is gone.`;
    throw new CliError(message, exits.failed);
  }
  if (!hasKeeper(cache as StoredOrasCache)) return [];
  try {
    return verdictOn(cache, await roomOf(session, cache), bytes);
  } catch (error) {
    if (error instanceof CliError) throw error;
    const known = knownRoom(cache);
    const unknown = `The keeper of the cache ${nameOf(cache)} does not say how full it is: ${reasonOf(error)}.`;
    if (known === undefined) return [`${unknown} Whether there is room is not known.`];
    return [unknown, ...verdictOn(cache, known, bytes)];
  }
}

/** As its status says, which may be minutes old. */
function knownRoom({ status }: OrasCache): KeeperRoom | undefined {
  const { capacity = "", fullPercent } = status?.storage ?? {};
  const size = amountOf(capacity);
  if (fullPercent === undefined || Number.isNaN(size)) return undefined;
  const free = (size * (100 - fullPercent)) / 100;
  return { capacity: size, used: size - free, free };
}

/**
 * What is to be said of a volume that gets more.
 *
 * @param cache - whose it is
 * @param room - as it is now
 * @param bytes - that come
 * @returns warnings
 * @throws CliError where that would be too much
 */
function verdictOn(cache: OrasCache, room: KeeperRoom, bytes: number): readonly string[] {
  const limits = limitsOf(cache as StoredOrasCache);
  // The keeper has the one of its Pod's start, by which it refuses steps.
  const refuseAt = room.refuseAt ?? limits.refuseAt;
  const now = percentOf(room);
  const then = percentOf({ ...room, free: room.free - bytes });
  const place = `${titleOf(cache)} is ${Math.floor(now)} % full (${shortSize(room.free)} of ${shortSize(room.capacity)} are free)`;
  if (now >= refuseAt)
    throw new CliError(`${place}: from ${refuseAt} % on nothing is put. ${wayOut(cache)}`, exits.failed);
  if (bytes > 0 && then >= refuseAt) {
    const message = `${place}, and ${shortSize(bytes)} more would make that ${Math.ceil(then)} %: from ${refuseAt} % on nothing is put. ${wayOut(cache)}`;
    throw new CliError(message, exits.failed);
  }
  if (then < limits.warnAt) return [];
  return [
    `${titleOf(cache)} will be ${Math.floor(then)} % full; from ${refuseAt} % on it refuses steps and puts. ${programName} df shows what takes the room.`,
  ];
}

function titleOf(cache: OrasCache): string {
  const { storage } = cache.spec ?? {};
  const name = nameOf(cache);
  if (storage?.persistentVolumeClaim !== undefined) return `The volume of the cache ${name}`;
  if (storage?.emptyDir?.sizeLimit !== undefined) return `The emptyDir of the cache ${name}`;
  return `The disk of the node that the cache ${name} is on`;
}

/** What rm takes away is freed by the next runs of retention only. */
function wayOut({ spec }: OrasCache): string {
  const larger =
    spec?.storage?.persistentVolumeClaim !== undefined
      ? "make the volume larger in spec.storage.persistentVolumeClaim.size"
      : `use a cache on a volume; an emptyDir gets another limit only with a new Pod, which has no artifacts: ${programName} backup keeps them before`;
  return `Nothing was pushed. Remove artifacts with ${programName} rm, whose room is freed when spec.retention runs, or ${larger}.`;
}

/**
 * Where the artifacts of a cache are, for `df` and `status`: as its keeper says, else as its status does.
 *
 * @param cache - which
 * @param room - that its keeper has told just now
 */
export function storageNow(cache: OrasCache, room: Room | undefined) {
  const { storage } = cache.status ?? {};
  const kind = storage?.kind ?? (room && storageOf(cache as StoredOrasCache).kind);
  const shared = kind === "emptyDir" && cache.spec?.storage?.emptyDir?.sizeLimit === undefined;
  const measured = { now: room !== undefined, shared };
  if (room === undefined) return { storage, measured };
  const live = {
    kind: kind ?? "emptyDir",
    capacity: roundBytes(room.capacity),
    fullPercent: Math.floor(percentOf(room)),
    // Of a disk that others use, too, the keeper tells what all of them use.
    ...(shared ? {} : { used: roundBytes(room.used) }),
  };
  return { storage: { ...storage, ...live }, measured };
}
