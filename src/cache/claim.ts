import type { V1PersistentVolumeClaim } from "@kubernetes/client-node";
import { amountOf } from "../annotations/quantity.ts";
import { childLabels } from "./labels.ts";
import { type CacheIdentity, identityOf, ownerReference } from "./owner.ts";
import { storageOf } from "./storage.ts";
import type { StoredOrasCache } from "./types.ts";

/**
 * The claim of a cache's volume, as it is made. It is no template of the StatefulSet: such a one cannot change, so the
 * volume could not grow (kubernetes#68737). One to be retained has no owner: the garbage collector of Kubernetes knows
 * no other way.
 *
 * @param cache - whose
 * @returns undefined where artifacts are not on a volume, or on one of the author's
 */
export function claim(cache: StoredOrasCache): V1PersistentVolumeClaim | undefined {
  const storage = storageOf(cache);
  if (storage.kind !== "persistentVolumeClaim" || !storage.isOwn) return undefined;
  const {
    size,
    storageClassName,
    accessModes = ["ReadWriteOnce"],
    onDelete,
  } = cache.spec.storage?.persistentVolumeClaim ?? {};
  const owner = identityOf(cache);
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name: storage.claim,
      namespace: owner.namespace,
      labels: childLabels(owner.name),
      ...(onDelete === "Delete" ? { ownerReferences: [ownerReference(owner)] } : {}),
    },
    spec: {
      accessModes,
      ...(storageClassName === undefined ? {} : { storageClassName }),
      resources: { requests: { storage: size ?? "" } },
    },
  };
}

/**
 * What to change in a claim that is there, so that it goes or stays with its cache. The rest of it is others': the volume's
 * controllers write to it, and its size is changed by {@link growth}.
 *
 * @param desired - the claim as it would be made
 * @param live - the claim as it is
 * @param owner - the cache
 * @returns a merge patch; undefined where nothing differs
 */
export function adoption(
  desired: V1PersistentVolumeClaim,
  live: V1PersistentVolumeClaim,
  owner: CacheIdentity,
): object | undefined {
  const before = live.metadata?.ownerReferences ?? [];
  const isOwned = before.some(({ uid }) => uid === owner.uid);
  const wanted = desired.metadata?.ownerReferences ?? [];
  const isWanted = wanted.length > 0;
  const missing = Object.entries(desired.metadata?.labels ?? {}).filter(
    ([key, value]) => live.metadata?.labels?.[key] !== value,
  );
  if (isOwned === isWanted && missing.length === 0) return undefined;
  const others = before.filter(({ uid }) => uid !== owner.uid);
  return {
    metadata: {
      ...(missing.length > 0 ? { labels: Object.fromEntries(missing) } : {}),
      ...(isOwned === isWanted ? {} : { ownerReferences: [...others, ...wanted] }),
    },
  };
}

/**
 * The size that a claim must be given, as others may have made it larger already. Only a claim that has its volume can
 * grow.
 *
 * @param desired - the claim as it would be made
 * @param live - the claim as it is
 * @returns undefined where it is large enough
 */
export function growth(
  desired: V1PersistentVolumeClaim,
  live: V1PersistentVolumeClaim | undefined,
): string | undefined {
  const wanted = requestOf(desired);
  const has = requestOf(live);
  if (live?.status?.phase !== "Bound" || wanted === undefined || has === undefined) return undefined;
  return amountOf(wanted) > amountOf(has) ? wanted : undefined;
}

/**
 * Whether the volume of a claim is being made larger: what the claim asks for is not there yet.
 *
 * @param live - the claim, with its status
 */
export function isGrowing(live: V1PersistentVolumeClaim | undefined): boolean {
  const capacity = capacityOf(live);
  const wanted = requestOf(live);
  return capacity !== undefined && wanted !== undefined && amountOf(wanted) > amountOf(capacity);
}

/** What a claim asks for. */
export function requestOf(claim: V1PersistentVolumeClaim | undefined): string | undefined {
  return claim?.spec?.resources?.requests?.["storage"];
}

/** The size of a claim's volume, once it has one. */
export function capacityOf(claim: V1PersistentVolumeClaim | undefined): string | undefined {
  return claim?.status?.capacity?.["storage"];
}
