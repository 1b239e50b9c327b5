import { createHash } from "node:crypto";
import { names } from "../../schema/names.ts";
import { resourceRefusal } from "../cache/admission.ts";
import type { Child } from "../cache/children.ts";
import { isCovered } from "../cache/covered.ts";
import { inheritedInMs } from "../cache/inherited.ts";
import type { CacheIdentity } from "../cache/owner.ts";
import type { KubeClient } from "../kube/client.ts";
import { isStatus, type KubeError } from "../kube/errors.ts";
import { apply, create, get, type KubeObject, patchJson, remove } from "../kube/objects.ts";
import { type ForeignFields, foreignFields, takeOver } from "../kube/ownership.ts";
import { createPatience, type Patience } from "../kube/patience.ts";
import type { Store } from "../kube/store.ts";
import { type Attempts, createAttempts } from "./attempts.ts";
import { type ChildKind, childKinds } from "./child-kinds.ts";
import { checkOwner } from "./child-owner.ts";
import { growClaim, keepClaim } from "./claims.ts";
import { ContestedError } from "./obstacles.ts";

/** What was done to a child. */
export type ChildChange = { readonly child: string } & (
  | { readonly kind: "created" | "updated" | "deleted" | "recreated" }
  /** Something that others changed was corrected. */
  | { readonly kind: "corrected"; readonly fields: readonly ForeignFields[] }
);

/** What is known of the children of a kind that is watched, by key. */
export type ChildStores = Readonly<Record<string, Pick<Store<KubeObject>, "get">>>;

/** What is remembered of one child. */
interface Memory {
  readonly attempts: Attempts;
  readonly corrections: Patience;
  /**
   * What was last applied and which version came of it. If an admission policy of the cluster rewrites what is
   * applied, applying it again does not help.
   */
  applied?: { digest: string; version: string | undefined; resourceVersion: string | undefined };
  /** Of a child that is only created: it exists. */
  made?: boolean;
  /** When to look again at one that was there, in milliseconds since 1970. */
  againAt?: number | undefined;
}

/** The children of one cache. */
export interface Children {
  /**
   * Makes a child what it should be, if it is not. No request is sent when nothing differs.
   *
   * @param desired - the child as it should be
   * @param isNewSpec - whether the spec changed; else a difference is somebody else's change
   * @returns what was done
   * @throws FailedTryError when it was refused: because of a NameTakenError when an object of that name is not the
   *   cache's, or a NotYetError when that is being deleted
   * @throws ContestedError when others change it too often
   */
  readonly ensure: (desired: Child, isNewSpec: boolean) => Promise<ChildChange[]>;
  /** Whether a child that is only created exists, as far as this process knows: it was created, or was there. */
  readonly hasMade: (desired: Child) => boolean;
  /** Whether to look again at a child that is only created and was there: it may have gone with an earlier cache. */
  readonly mayBeGone: (desired: Child) => boolean;
  /** In how many milliseconds the first of them is to be looked at. */
  readonly lookInMs: () => number | undefined;
  /** Looks no more at children that are no longer desired. */
  readonly retain: (desired: readonly Child[]) => void;
  /** Asks for a larger volume, where the spec does. A refusal is thrown as a FailedTryError, because of a CannotGrowError. */
  readonly grow: (desired: Child) => Promise<ChildChange[]>;
  /** Deletes a child that should not be there. */
  readonly prune: (child: KubeObject) => Promise<ChildChange[]>;
}

/** Drift that comes back more often than this within a minute is intended by somebody else. */
const mostCorrections = 5;
const correctionWindowMs = 60_000;
/** `kubectl rollout restart` annotates the template; addresses are the API server's to give. */
const tolerated = [
  "spec.template.metadata.annotations",
  ...["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"].map((field) => `spec.${field}`),
];
const takeover = { except: tolerated };

/**
 * The children of one cache, with a memory of what was tried.
 *
 * @param client - of the API server
 * @param stores - by kind
 * @param owner - which cache
 * @param bornAt - when it was created, in milliseconds since 1970
 */
export function createChildren(
  client: KubeClient,
  stores: ChildStores,
  owner: CacheIdentity,
  bornAt: number,
): Children {
  const memories = new Map<string, Memory>();
  const memoryOf = (title: string): Memory => {
    const known = memories.get(title) ?? {
      attempts: createAttempts(),
      corrections: createPatience(mostCorrections, correctionWindowMs),
    };
    memories.set(title, known);
    return known;
  };

  const createOnce = async ({ resource }: ChildKind, desired: Child): Promise<ChildChange[]> => {
    const memory = memoryOf(titleOf(desired));
    const isNew = await create(client, resource, desired as KubeObject).catch((error: unknown) => {
      // A quota that is full refuses before the API server looks whether the object is there.
      if (memory.made && isQuota(error)) return false;
      throw error;
    });
    const now = client.now();
    const againInMs = isNew ? undefined : inheritedInMs(now - bornAt);
    memory.made = true;
    memory.againAt = againInMs && now + againInMs;
    return isNew ? [{ kind: "created", child: titleOf(desired) }] : [];
  };

  const seenOf = ({ resource }: ChildKind, desired: Child): KubeObject | undefined =>
    stores[resource.kind]?.get(`${owner.namespace}/${desired.metadata?.name}`);

  const keepApplied = (kind: ChildKind, desired: Child, isNewSpec: boolean): Promise<ChildChange[]> => {
    const title = titleOf(desired);
    const memory = memoryOf(title);
    const seen = seenOf(kind, desired);
    const work: Work = { client, kind, desired, title, memory, isNewSpec };
    return memory.attempts(`${JSON.stringify(desired)} on ${versionOf(seen)}`, async () => {
      // One that does not carry the operator's labels is not in the watch; only the API server knows it.
      const live = seen ?? (await get<KubeObject>(client, kind.resource, desired.metadata ?? {}));
      if (live === undefined) {
        await applyChild(work);
        return [{ kind: "created", child: title }];
      }
      checkOwner(live, owner, title);
      return correct(work, live);
    });
  };

  return {
    ensure: async (desired, isNewSpec) => {
      const kind = kindOf(desired);
      if (kind.access === "apply") return keepApplied(kind, desired, isNewSpec);
      const title = titleOf(desired);
      if (kind.access === "claim") {
        const seen = seenOf(kind, desired);
        return memoryOf(title).attempts(`${JSON.stringify(desired)} on ${versionOf(seen)}`, () =>
          keepClaim({ client, owner, title, desired, seen }),
        );
      }
      return memoryOf(titleOf(desired)).attempts(JSON.stringify(desired.metadata), () =>
        createOnce(kind, desired),
      );
    },
    grow: async (desired) => {
      const kind = kindOf(desired);
      if (kind.access !== "claim") return [];
      const title = titleOf(desired);
      const seen = seenOf(kind, desired);
      return growClaim({ client, owner, title, desired, seen }, memoryOf(`${title}, its size`).attempts);
    },
    hasMade: (desired) => memories.get(titleOf(desired))?.made === true,
    mayBeGone: (desired) => {
      const { againAt } = memories.get(titleOf(desired)) ?? {};
      return againAt !== undefined && againAt <= client.now();
    },
    lookInMs: () => {
      const all = [...memories.values()].flatMap(({ againAt }) => againAt ?? []);
      return all.length > 0 ? Math.max(Math.min(...all) - client.now(), 0) : undefined;
    },
    retain: (desired) => {
      const titles = new Set(desired.map(titleOf));
      for (const [title, memory] of memories) if (!titles.has(title)) memory.againAt = undefined;
    },
    prune: async (child) => {
      if (child.metadata?.deletionTimestamp) return [];
      await remove(client, kindOf(child).resource, child);
      memories.delete(titleOf(child));
      return [{ kind: "deleted", child: titleOf(child) }];
    },
  };
}

/** One child that is to be what it should be. */
interface Work {
  readonly client: KubeClient;
  readonly kind: ChildKind;
  readonly desired: Child;
  readonly title: string;
  readonly memory: Memory;
  readonly isNewSpec: boolean;
}

/** Makes a child that exists what it should be. */
async function correct(work: Work, live: KubeObject): Promise<ChildChange[]> {
  const { client, kind, title, memory, isNewSpec } = work;
  const fields = foreignFields(live.metadata?.managedFields ?? [], takeover);
  const takes = fields.some(({ subresource }) => subresource === undefined);
  if (!takes && isAsDesired(work, live)) return [];
  // No other manager set anything: the operator has changed since it made the child, or a restart is asked for.
  const isOtherWish = memory.applied?.digest !== digestOf(work.desired);
  const isOwn = isNewSpec || (fields.length === 0 && isOtherWish);
  const waitMs = isOwn ? 0 : memory.corrections.waitMs();
  if (waitMs > 0) throw new ContestedError(title, waitMs);
  const isKnown = takes ? knownVersion(memory, live) : knownContent(work, live);
  if (takes) await takeFields(client, kind, live);
  try {
    const result = await applyChild(work);
    if (isKnown(result)) return [];
  } catch (error) {
    if (!isImmutable(error)) throw error;
    await remove(client, kind.resource, live);
    return [{ kind: "recreated", child: title }];
  }
  if (isOwn && fields.length === 0) return updated(work, live);
  memory.corrections.spend();
  return [{ kind: "corrected", child: title, fields }];
}

/**
 * Finds out whether an apply has changed nothing: the watch may still show an object from before the last one, or from
 * between its two requests.
 */
function knownVersion({ applied }: Memory, live: KubeObject): (result: KubeObject) => boolean {
  const versions = [live.metadata?.resourceVersion, applied?.resourceVersion];
  return (result) => versions.includes(result.metadata?.resourceVersion);
}

/** The same, also where the child's controller has written a status since: a new version of the same generation. */
function knownContent({ desired, memory }: Work, live: KubeObject): (result: KubeObject) => boolean {
  const isKnown = knownVersion(memory, live);
  const version = memory.applied?.version;
  const isHalfDone = version !== undefined && isCovered(withoutGeneration(desired), live);
  return (result) => isKnown(result) || (isHalfDone && versionOf(result) === version);
}

/** Where a child differed by the generation of its cache alone, there is nothing to tell. */
function updated({ desired, title }: Work, live: KubeObject): ChildChange[] {
  return isCovered(withoutGeneration(desired), live) ? [] : [{ kind: "updated", child: title }];
}

/** A child without the annotation that is absent while a correction is half done. */
function withoutGeneration(desired: Child): object {
  const { [names.generationAnnotation]: _, ...others } = desired.metadata?.annotations ?? {};
  // The API server has no empty map.
  const annotations = Object.keys(others).length > 0 ? others : undefined;
  return { ...desired, metadata: { ...desired.metadata, annotations } };
}

async function applyChild({ client, kind, desired, memory }: Work): Promise<KubeObject> {
  const result = await apply<KubeObject>(client, kind.resource, desired as KubeObject);
  const { resourceVersion } = result.metadata ?? {};
  memory.applied = { digest: digestOf(desired), version: versionOf(result), resourceVersion };
  return result;
}

/** Whether nothing differs, or an admission policy made it differ when this was applied before. */
function isAsDesired({ desired, memory }: Work, live: KubeObject): boolean {
  if (isCovered(desired, live)) return true;
  const { applied } = memory;
  const inVain = applied?.digest === digestOf(desired) && applied.version === versionOf(live);
  return inVain && hasMetadata(desired, live);
}

function kindOf({ kind = "" }: { kind?: string }): ChildKind {
  const known = childKinds[kind];
  if (known === undefined) throw new Error(`no child is a ${kind}`);
  return known;
}

/** Kind and name, as people write it. */
function titleOf({ kind, metadata }: { kind?: string; metadata?: { name?: string } }): string {
  return `${kind} ${metadata?.name}`;
}

/** A thousand caches have some megabytes of children. */
function digestOf(desired: Child): string {
  return createHash("sha256").update(JSON.stringify(desired)).digest("base64");
}

/** Changes with the spec only, where objects have generations; Services have none. */
function versionOf(object: KubeObject | undefined): string | undefined {
  const { uid, generation, resourceVersion } = object?.metadata ?? {};
  return object && `${uid} ${generation ?? resourceVersion}`;
}

/** Metadata can change without a new generation. */
function hasMetadata(desired: Child, live: KubeObject): boolean {
  const { labels, annotations, ownerReferences } = desired.metadata ?? {};
  return isCovered({ labels, annotations, ownerReferences }, live.metadata);
}

/**
 * Makes the fields that others set the operator's, so that the apply that follows removes them. The annotation goes
 * in the same request: if the apply fails, its absence shows that it is still to be done.
 */
async function takeFields(client: KubeClient, { resource }: ChildKind, seen: KubeObject): Promise<void> {
  // The mirror has the fields of others alone.
  const live = await get<KubeObject>(client, resource, seen.metadata ?? {});
  if (live === undefined || live.metadata?.uid !== seen.metadata?.uid) return;
  const { annotations, managedFields = [], resourceVersion } = live.metadata ?? {};
  const pointer = names.generationAnnotation.replaceAll("~", "~0").replaceAll("/", "~1");
  await patchJson(client, resource, seen.metadata ?? {}, [
    // Another version of the object is refused with 409.
    { op: "replace", path: "/metadata/resourceVersion", value: resourceVersion },
    { op: "replace", path: "/metadata/managedFields", value: takeOver(managedFields, takeover) },
    ...(annotations?.[names.generationAnnotation] === undefined
      ? []
      : [{ op: "remove", path: `/metadata/annotations/${pointer}` }]),
  ]);
}

function isQuota(error: unknown): boolean {
  return isStatus(error, 403) && resourceRefusal(error.message) === "QuotaExceeded";
}

/** A StatefulSet's selector, for one, cannot change: that of an earlier operator is deleted and created. */
function isImmutable(error: unknown): error is KubeError {
  return (
    isStatus(error, 422) &&
    (error.body.details?.causes ?? []).some(
      ({ reason, field, message }) =>
        (reason === "FieldValueForbidden" && field === "spec") || message?.includes("field is immutable"),
    )
  );
}
