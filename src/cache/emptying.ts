import { names } from "../../schema/names.ts";
import { identityOf } from "./owner.ts";
import { s3Location } from "./s3.ts";
import type { StoredOrasCache } from "./types.ts";

/** What decides whether a folder of a bucket is emptied. */
export interface Leaving {
  /** Whether the finalizer is there. */
  readonly isHeld: boolean;
  readonly isDeleted: boolean;
  /** Whether `storage.s3.onDelete` is `Delete`. */
  readonly isWanted: boolean;
  /** Whether another finalizer still needs what is in the folder, such as an export's. */
  readonly isNeeded: boolean;
  /** Whether an export was asked for, and the status does not say that it is done. */
  readonly isUnsaved: boolean;
  /** Whether the namespace is being deleted, or gone. */
  readonly namespaceGoes: boolean;
  /** Whether the registry's Pods are deleted before their OrasCache: `--cascade=foreground`. */
  readonly hasNoPods: boolean;
  readonly isEmpty: boolean;
}

/** What is to be done. */
export type Emptying =
  | "nothing"
  | "hold"
  | "wait"
  | "empty"
  /** The finalizer is taken off. */
  | "let go"
  /** … and the folder is kept, which somebody has to know. */
  | "keep";

/**
 * What is to be done with a cache whose folder is emptied with it. It is never held where nothing can be done any more: a
 * namespace that is being deleted has no Pods in a moment, and gets none.
 *
 * @param leaving - what is seen
 */
export function emptyingOf(leaving: Leaving): Emptying {
  const { isHeld, isDeleted, isWanted, isNeeded, isUnsaved, namespaceGoes, hasNoPods, isEmpty } = leaving;
  if (!isDeleted) {
    if (isWanted === isHeld) return "nothing";
    return isWanted ? "hold" : "let go";
  }
  if (!isHeld) return "nothing";
  if (!isWanted || isEmpty) return "let go";
  if (namespaceGoes || hasNoPods) return "keep";
  if (isNeeded) return "wait";
  // It was deleted before the operator saw that it was to be exported: no finalizer can be added any more.
  return isUnsaved ? "keep" : "empty";
}

/** Whether the folder of a cache is to go with it. */
export function isEmptied({ spec }: StoredOrasCache): boolean {
  return spec.deploy && spec.storage?.s3?.onDelete === "Delete";
}

/**
 * How to delete a folder that is kept.
 *
 * @param cache - whose
 */
export function emptyByHand(cache: StoredOrasCache): string {
  const s3 = cache.spec.storage?.s3;
  const path = s3Location(cache)?.slice((s3?.endpoint ?? "").length + 1);
  return `aws s3 rm --recursive --endpoint-url ${s3?.endpoint} s3://${path}/`;
}

/**
 * How to let a cache go whose folder cannot be emptied.
 *
 * @param cache - which
 */
export function keepByHand(cache: StoredOrasCache): string {
  const { namespace, name } = identityOf(cache);
  const patch = JSON.stringify({ spec: { storage: { s3: { onDelete: "Retain" } } } });
  return `kubectl patch ${names.singular} ${name} -n ${namespace} --type merge -p '${patch}'`;
}
