import type { V1PersistentVolumeClaim } from "@kubernetes/client-node";
import type { Child } from "../cache/children.ts";
import { adoption, growth, requestOf } from "../cache/claim.ts";
import type { CacheIdentity } from "../cache/owner.ts";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import { create, get, type KubeObject, patchMerge } from "../kube/objects.ts";
import { resources } from "../kube/resources.ts";
import type { Attempts } from "./attempts.ts";
import { checkOwner } from "./child-owner.ts";
import { CannotGrowError, FailedTryError } from "./obstacles.ts";

/** A claim that a cache should have, and what the watch shows of it. */
interface ClaimWork {
  readonly client: KubeClient;
  readonly owner: CacheIdentity;
  /** Kind and name. */
  readonly title: string;
  readonly desired: Child;
  readonly seen: KubeObject | undefined;
}

interface ClaimChange {
  readonly child: string;
  readonly kind: "created" | "updated";
}

/**
 * Makes a claim, or takes one over that an earlier cache of the name has left.
 *
 * @param work - see there
 * @returns what was done
 * @throws NameTakenError when the claim of that name is not the cache's
 */
export async function keepClaim(work: ClaimWork): Promise<ClaimChange[]> {
  const { client, owner, title } = work;
  const desired = work.desired as V1PersistentVolumeClaim & KubeObject;
  const resource = resources.persistentVolumeClaims;
  // One that does not carry the operator's labels is not in the watch; only the API server knows it.
  const live = work.seen ?? (await get<KubeObject>(client, resource, desired.metadata ?? {}));
  if (live === undefined)
    return (await create(client, resource, desired)) ? [{ kind: "created", child: title }] : [];
  checkOwner(live, owner, title);
  const patch = adoption(desired, live as V1PersistentVolumeClaim, owner);
  if (patch === undefined) return [];
  await patchMerge(client, resource, live.metadata ?? {}, sameVersion(patch, live));
  return [{ kind: "updated", child: title }];
}

/**
 * Asks for a larger volume where the spec does.
 *
 * @param work - see there
 * @param attempts - remembers a refusal
 */
export async function growClaim(work: ClaimWork, attempts: Attempts): Promise<ClaimChange[]> {
  const { client, title } = work;
  const live = work.seen as (V1PersistentVolumeClaim & KubeObject) | undefined;
  const storage = growth(work.desired as V1PersistentVolumeClaim, live);
  if (storage === undefined || live === undefined) return [];
  const patch = { spec: { resources: { requests: { storage } } } };
  try {
    await attempts(storage, () =>
      patchMerge(client, resources.persistentVolumeClaims, live.metadata ?? {}, sameVersion(patch, live)),
    );
  } catch (error) {
    throw cannotGrow(error, `${title} stays at ${requestOf(live)}, and ${storage} is asked for: `);
  }
  return [{ kind: "updated", child: title }];
}

/** Another object of that name, or another version of it, is refused with 409. */
function sameVersion(patch: object, { metadata = {} }: KubeObject): object {
  const { uid, resourceVersion } = metadata;
  const { metadata: changes } = patch as KubeObject;
  return { ...patch, metadata: { ...changes, uid, resourceVersion } };
}

/** What the admission plugin PersistentVolumeClaimResize says; anything else is no word about volumes. */
function cannotGrow(error: unknown, before: string): unknown {
  if (!(error instanceof FailedTryError)) return error;
  const { cause, retryInMs, tries, isNew } = error;
  if (!isStatus(cause, 403) || !cause.body.message?.includes("resize")) return error;
  return new FailedTryError(new CannotGrowError(before + cause.body.message), { retryInMs, tries, isNew });
}
