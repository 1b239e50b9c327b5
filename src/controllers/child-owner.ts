import { names } from "../../schema/names.ts";
import type { CacheIdentity } from "../cache/owner.ts";
import { controllerOf, type KubeObject } from "../kube/objects.ts";
import { NameTakenError, NotYetError } from "./obstacles.ts";

/**
 * Whether a child belongs to a cache: by its owner reference, or, if somebody took that away, by its label.
 *
 * @param child - as it is in the cluster
 * @param owner - the cache
 */
export function isOwnedBy(child: KubeObject, owner: CacheIdentity): boolean {
  const controller = controllerOf(child);
  if (controller) return controller.uid === owner.uid;
  return child.metadata?.labels?.[names.cacheLabel] === owner.name;
}

/**
 * Throws where an object that is in the place of a child is not the cache's to use, or not yet.
 *
 * @param live - as it is in the cluster
 * @param owner - the cache
 * @param child - kind and name
 * @throws NameTakenError, or NotYetError while it is being deleted
 */
export function checkOwner(live: KubeObject, owner: CacheIdentity, child: string): void {
  const controller = controllerOf(live);
  const { deletionTimestamp, finalizers } = live.metadata ?? {};
  if (deletionTimestamp) throw new NotYetError(beingDeleted(child, deletionTimestamp, finalizers));
  // The garbage collector deletes the children of a cache that was deleted and made again.
  if (controller?.kind === names.kind && controller.name === owner.name && controller.uid !== owner.uid)
    throw new NotYetError(
      `${child} belongs to an earlier ${names.kind} of this name (UID ${controller.uid}) and is created again when ` +
        "the garbage collector of Kubernetes has deleted it. Delete it yourself if that does not happen.",
    );
  if (!isOwnedBy(live, owner)) throw new NameTakenError(nameTaken(child, controller));
}

function beingDeleted(child: string, since: unknown, finalizers: readonly string[] = []): string {
  const held =
    finalizers.length > 0
      ? ` These finalizers hold it: ${finalizers.join(", ")}. Let the controllers that set them finish, or remove ` +
        "those whose controller is gone."
      : "";
  return `${child} is being deleted since ${since} and is created again when it is gone.${held}`;
}

/**
 * The sentence about an object that is in the place of a child.
 *
 * @param child - kind and name
 * @param controller - the object that it belongs to
 */
export function nameTaken(child: string, controller?: { kind: string; name: string }): string {
  const theirs = controller ? ` and belongs to ${controller.kind} ${controller.name}` : "";
  return (
    `${child} exists already${theirs}. It was not made for this ${names.kind} and is not changed or used. ` +
    `Delete it, or give the ${names.kind} another name.`
  );
}
