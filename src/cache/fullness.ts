import { storageOf } from "./storage.ts";
import type { StoredOrasCache } from "./types.ts";

/** How full a volume may be, in percent. */
export interface Limits {
  /** From here on the status says so. */
  readonly warnAt: number;
  /** From here on steps with an output end before their program runs. */
  readonly refuseAt: number;
}

const ofVolume: Limits = { warnAt: 80, refuseAt: 95 };
/**
 * An emptyDir without a limit shares the file system of its node, and at 90 % the kubelet evicts Pods.
 *
 * @see https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#hard-eviction-thresholds
 */
const ofNode: Limits = { warnAt: 75, refuseAt: 85 };

/**
 * How full the volume of a cache may be. Where the spec has one of the two, the other one gives way: nothing is refused
 * before there was a warning.
 *
 * @param cache - as stored
 */
export function limitsOf(cache: StoredOrasCache): Limits {
  const storage = storageOf(cache);
  const usual = storage.kind === "emptyDir" && storage.sizeLimit === undefined ? ofNode : ofVolume;
  const { warnAt, refuseAt } = cache.spec.storage ?? {};
  return {
    warnAt: warnAt ?? Math.min(usual.warnAt, refuseAt ?? usual.refuseAt),
    refuseAt: refuseAt ?? Math.max(usual.refuseAt, warnAt ?? usual.warnAt),
  };
}
