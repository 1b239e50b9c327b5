import type { V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { basicOf, cacheKey, installationId, podAsksForPassword } from "../cache/access.ts";
import { currentUser } from "../cache/logins.ts";
import { identityOf } from "../cache/owner.ts";
import { hostOf, isReady, startOf } from "../cache/pods.ts";
import { isOnS3, s3Location } from "../cache/s3.ts";
import type { Trouble } from "../cache/trouble.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { printable } from "../kube/events.ts";
import { forgetOldest } from "../kube/forget.ts";
import type { OwnRegistry } from "../registry/own.ts";
import type { Owner } from "../registry/owner.ts";
import type { Trust } from "../registry/peer.ts";

/** Asks a registry whose its storage is, and claims what is nobody's. */
export type ClaimStorage = (registry: Omit<OwnRegistry, "signal">, own: Owner) => Promise<Owner>;

/** What is known of the folder of a cache, and when to look again. */
interface Ownership {
  readonly trouble?: Trouble | undefined;
  readonly againInMs?: number | undefined;
}

const retryMs = 30_000;
/** Somebody may give the folder free by hand. */
const takenMs = 300_000;
const mostRemembered = 10_000;

/**
 * Sees to it that no two clusters keep artifacts in one folder of a bucket. Within a cluster, statuses say who has which
 * folder; from one to the other only the bucket can.
 *
 * @param operatorKey - secret
 * @param claim - asks a registry
 * @param trustOf - whom to trust as the registry in a Pod
 * @param now - the time in milliseconds
 * @returns (a cache, its Pods) => what is wrong, if anything
 */
export function createOwnership(
  operatorKey: string,
  claim: ClaimStorage,
  trustOf: (pod: V1Pod, cache: StoredOrasCache) => Promise<Trust | undefined>,
  now: () => number = () => performance.now(),
): (cache: StoredOrasCache, pods: readonly V1Pod[]) => Promise<Ownership> {
  const installation = installationId(operatorKey);
  const looks = createLooks(now);
  /** Who asks, and what. */
  const asked = async (cache: StoredOrasCache, pod: V1Pod, host: string) => {
    const { namespace, name } = identityOf(cache);
    const authorization = podAsksForPassword(pod.spec)
      ? basicOf(cacheKey(operatorKey, { namespace, name }), currentUser(cache))
      : undefined;
    const peer = { host: `${host}:${names.registryPort}`, trust: await trustOf(pod, cache) };
    return claim({ peer, authorization }, { installation, cache: `${namespace}/${name}` });
  };
  return async (cache, pods) => {
    const location = claimed(cache);
    const pod = pods.find((one) => isReady(one) && isOnS3(one));
    const host = pod && hostOf(pod);
    if (location === undefined || pod === undefined || host === undefined) return {};
    const start = startOf(pod, names.registryContainer);
    const againInMs = looks.inMs(start);
    if (againInMs !== 0) return againInMs === undefined ? {} : { againInMs };
    try {
      const owner = await asked(cache, pod, host);
      if (owner.installation !== installation)
        return { trouble: taken(location, owner, identityOf(cache)), againInMs: takenMs };
    } catch {
      // It is restarted, or S3 does not answer; it is asked again.
      return { againInMs: retryMs };
    }
    looks.found(start);
    const next = looks.inMs(start);
    return next === undefined ? {} : { againInMs: next };
  };
}

/** The folder that is to have a mark. One that is written while the folder is emptied would stay there. */
function claimed(cache: StoredOrasCache): string | undefined {
  return cache.metadata?.deletionTimestamp === undefined ? s3Location(cache) : undefined;
}

/**
 * Remembers of which starts of registries the folder has the mark of this installation. Each is looked at twice: another cluster that found no mark at
 * the same time may have written its own after this one's was read.
 */
function createLooks(now: () => number) {
  const seen = new Map<string, { readonly at: number; readonly isSure: boolean }>();
  return {
    /** After how many milliseconds to look; undefined: not any more. */
    inMs: (start: string): number | undefined => {
      const found = seen.get(start);
      if (found?.isSure) return undefined;
      return found === undefined ? 0 : Math.max(0, found.at + retryMs - now());
    },
    /** The folder has its mark. */
    found: (start: string): void => {
      seen.set(start, { at: now(), isSure: seen.has(start) });
      forgetOldest(seen, mostRemembered);
    },
  };
}

function taken(
  location: string,
  { cache, installation }: Owner,
  { namespace, name }: ReturnType<typeof identityOf>,
): Trouble {
  const mark = `${names.stateRepository}:${names.ownerTag}`;
  // Whoever may push there can have written anything.
  const [other, id] = [printable(cache), printable(installation)];
  const message =
    `${names.kind} "${other}" of another cluster, or of an installation before this one, keeps its artifacts in ${location} ` +
    `(installation ${id}): each would overwrite the other's. Give spec.storage.s3.prefix another value. If the ` +
    `other one does not use the folder any more, remove its mark: kubectl oras-cache rm ${mark} -n ${namespace} --cache ${name}`;
  return { reason: "PrefixTaken", message };
}
