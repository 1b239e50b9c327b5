import { names } from "../../schema/names.ts";
import { childLabels } from "./labels.ts";
import type { StoredOrasCache } from "./types.ts";

/** Which cache it is, and which version of its spec. */
export interface CacheIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly generation: number;
}

/**
 * Who a cache is.
 *
 * @param cache - as the API server returned it
 * @throws when it lacks what every stored object has
 */
export function identityOf(cache: StoredOrasCache): CacheIdentity {
  const { name, namespace, uid, generation = 0 } = cache.metadata ?? {};
  if (!name || !namespace || !uid)
    throw new Error("an OrasCache without name, namespace or UID was never stored");
  return { name, namespace, uid, generation };
}

/**
 * Metadata of a child: named, labelled and owned, so that it is deleted with its cache. The generation tells a change
 * of the spec from a change of the operator.
 *
 * @param cache - the owner
 * @param name - the child's name, the cache's own unless given
 */
export function childMetadata(cache: CacheIdentity, name: string = cache.name) {
  return {
    name,
    namespace: cache.namespace,
    labels: childLabels(cache.name),
    annotations: { [names.generationAnnotation]: String(cache.generation) },
    ownerReferences: [ownerReference(cache)],
  };
}

/** The reference to a cache by which the garbage collector deletes what belongs to it. */
export function ownerReference(cache: CacheIdentity) {
  return {
    apiVersion: names.apiVersion,
    kind: names.kind,
    name: cache.name,
    uid: cache.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}
