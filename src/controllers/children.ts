import type { V1Service, V1StatefulSet } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { foreignFields, isCovered } from "../cache/drift.ts";
import type { CacheIdentity } from "../cache/owner.ts";
import type { KubeClient } from "../kube/client.ts";
import { apply, get, type KubeObject, patchJson, remove } from "../kube/objects.ts";
import type { Resource } from "../kube/resources.ts";
import { NameTakenError, NotYetError } from "./obstacles.ts";

/** What was done to a child. */
export type ChildChange =
  | { readonly kind: "created" | "updated" | "deleted"; readonly child: string }
  | { readonly kind: "cleaned"; readonly child: string; readonly removed: readonly string[] };

/** A kind of child, and what is known of those of that kind, by key. */
export interface ChildKind {
  readonly resource: Resource;
  /** As the watch last saw it. */
  readonly seen: (key: string) => KubeObject | undefined;
  /**
   * What was last applied and which generation came of it. If an admission policy of the cluster rewrites what
   * we apply, applying it once more would not help, for ever.
   */
  readonly applied: Map<string, { desired: string; uid: string; generation: number }>;
}

type Child = V1Service | V1StatefulSet;

/**
 * Makes a child what it should be, if it is not: no request is sent when nothing differs.
 *
 * @param client - of the API server
 * @param kind - the child's kind
 * @param desired - the child as it should be
 * @param owner - the cache that it belongs to
 * @param beforeCorrecting - called before a child that is there is changed; it may refuse by throwing
 * @returns what was done, in order
 * @throws NameTakenError when an object of that name belongs to somebody else
 */
export async function ensureChild(
  client: KubeClient,
  kind: ChildKind,
  desired: Child,
  owner: CacheIdentity,
  beforeCorrecting: () => void,
): Promise<ChildChange[]> {
  const { resource } = kind;
  const key = `${owner.namespace}/${desired.metadata?.name}`;
  const child = `${resource.kind} ${desired.metadata?.name}`;
  // One that does not carry our labels is not in our watch; only the API server knows it.
  const live =
    kind.seen(key) ??
    (await get(client, resource, { namespace: owner.namespace, name: desired.metadata?.name }));
  if (live === undefined) {
    await applyAndRemember(client, kind, desired, key);
    return [{ kind: "created", child }];
  }
  checkOwner(live, owner, child);

  const changes: ChildChange[] = [];
  let current = live;
  if (!isCovered(desired, live) && !wasAppliedInVain(kind, desired, live, key)) {
    beforeCorrecting();
    current = await applyAndRemember(client, kind, desired, key);
    changes.push({ kind: "updated", child });
  }
  const removals = foreignFields(desired, current, current.metadata?.managedFields ?? []);
  if (removals.length > 0) {
    beforeCorrecting();
    await patchJson(client, resource, { namespace: owner.namespace, name: current.metadata?.name }, [
      // Indices are right for this version of the object only: another one is refused with 409.
      { op: "replace", path: "/metadata/resourceVersion", value: current.metadata?.resourceVersion },
      ...removals.map(({ path }) => ({ op: "remove", path })),
    ]);
    const removed = removals.map(({ path, manager }) => `${path} (set by ${manager})`);
    changes.push({ kind: "cleaned", child, removed });
  }
  return changes;
}

/**
 * Deletes a child that should not be there, if it is ours.
 *
 * @param client - of the API server
 * @param kind - the child's kind
 * @param owner - the cache that it belongs to
 */
export async function removeChild(
  client: KubeClient,
  kind: ChildKind,
  owner: CacheIdentity,
): Promise<ChildChange[]> {
  const live = kind.seen(`${owner.namespace}/${owner.name}`);
  if (!live || live.metadata?.deletionTimestamp || !isOwnedBy(live, owner)) return [];
  await remove(client, kind.resource, live);
  return [{ kind: "deleted", child: `${kind.resource.kind} ${owner.name}` }];
}

/**
 * Whether a child belongs to a cache: by its owner reference, or, if somebody took that away, by our label.
 *
 * @param child - as it is in the cluster
 * @param owner - the cache
 */
function isOwnedBy(child: KubeObject, owner: CacheIdentity): boolean {
  const controller = controllerOf(child);
  if (controller) return controller.uid === owner.uid;
  return child.metadata?.labels?.[names.cacheLabel] === owner.name;
}

function controllerOf(child: KubeObject) {
  return child.metadata?.ownerReferences?.find((reference) => reference.controller === true);
}

function checkOwner(live: KubeObject, owner: CacheIdentity, child: string): void {
  const controller = controllerOf(live);
  const ofAnEarlierOne =
    controller?.kind === names.kind && controller.name === owner.name && controller.uid !== owner.uid;
  // The garbage collector deletes the children of a cache that was deleted and made again.
  if (live.metadata?.deletionTimestamp || ofAnEarlierOne) throw new NotYetError(`${child} is being deleted`);
  if (isOwnedBy(live, owner)) return;
  const theirs = controller ? ` and belongs to ${controller.kind} ${controller.name}` : "";
  throw new NameTakenError(
    `${child} exists already${theirs}, and is not of this ${names.kind}; it was left alone. ` +
      `Delete it, or give the ${names.kind} another name.`,
  );
}

async function applyAndRemember(
  client: KubeClient,
  kind: ChildKind,
  desired: Child,
  key: string,
): Promise<KubeObject> {
  const result = await apply<KubeObject>(client, kind.resource, desired);
  const { uid = "", generation = 0 } = result.metadata ?? {};
  kind.applied.set(key, { desired: JSON.stringify(desired), uid, generation });
  return result;
}

function wasAppliedInVain(kind: ChildKind, desired: Child, live: KubeObject, key: string): boolean {
  const last = kind.applied.get(key);
  const { uid, generation, labels } = live.metadata ?? {};
  return (
    last !== undefined &&
    generation !== undefined && // Services have none
    last.uid === uid &&
    last.generation === generation &&
    last.desired === JSON.stringify(desired) &&
    // Metadata can change without a new generation.
    isCovered(desired.metadata?.labels, labels) &&
    isCovered(desired.metadata?.ownerReferences, live.metadata?.ownerReferences)
  );
}
