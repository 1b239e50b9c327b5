import type { V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { basicOf, cacheKey, podAsksForPassword } from "../cache/access.ts";
import type { CacheInstallation } from "../cache/facts.ts";
import { type Logins, plannedLogins, switched, untilNextLogin, validUsers } from "../cache/logins.ts";
import { usersInUse } from "../cache/logins-in-use.ts";
import { identityOf } from "../cache/owner.ts";
import { hostOf, isReady, startOf } from "../cache/pods.ts";
import { isRolledOut } from "../cache/rollout.ts";
import { hasKeeperIn, usersIn } from "../cache/told-users.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { type Backoff, createBackoff } from "../common/backoff.ts";
import { forgetOldest } from "../kube/forget.ts";
import type { Peer, Trust } from "../registry/peer.ts";
import { keeperAccess } from "./trust.ts";

/** How registries learn of users. */
export interface UsersSettings {
  /** Tells a keeper of the users of its registry; says whether they are written. */
  readonly tellUsers: (peer: Peer, token: string, users: readonly string[]) => Promise<boolean>;
  /** Whether a registry lets a user in, by a header. */
  readonly letsIn: (peer: Peer, authorization: string) => Promise<boolean>;
  /** Names of the Secrets with logins that Pods of a namespace have which have not ended, and Jobs which may make more. */
  readonly loginsInUse: (namespace: string) => ReadonlySet<string>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A cache with the users that hold from now on, and when to look again. */
interface Rotated {
  readonly cache: StoredOrasCache;
  readonly againInMs?: number | undefined;
}

const retryMs = 30_000;
/** A keeper that was started again knows the users that its Pod was made with, until it is told. */
const untoldMs = 1_000;
/** A rotation that has begun waits for little: the StatefulSet that was changed for it. */
const soonMs = 1_000;
const mostRemembered = 10_000;

/**
 * Makes another login of a cache when it is time, in the order that nobody notices: the status says which user comes next;
 * each Pod of the registry is told, and new ones are made with it; the operator logs in with it at each; then new Pods of
 * steps get it. Each part is begun once the status has the one before, so that another leader goes on.
 *
 * @param settings - see there
 * @param installation - with what passwords are made from
 * @param trustOf - whom to trust as the registry in a Pod
 * @returns (a cache as stored, its StatefulSet, its Pods) => see Rotated
 */
export function createRotation(
  settings: UsersSettings,
  installation: Pick<CacheInstallation, "operatorKey" | "clusterDomain">,
  trustOf: (pod: V1Pod, cache: StoredOrasCache) => Promise<Trust | undefined>,
): (
  stored: StoredOrasCache,
  statefulSet: V1StatefulSet | undefined,
  pods: readonly V1Pod[],
) => Promise<Rotated> {
  const { operatorKey } = installation;
  const told = new Map<string, string>();
  const untold = new Map<string, Backoff>();

  const again = (cache: StoredOrasCache) => untilNextLogin(cache, settings.now());

  const isTold = async (cache: StoredOrasCache, pod: V1Pod): Promise<boolean> => {
    const users = validUsers(cache);
    const made = usersIn(pod.spec);
    if (!hasKeeperIn(pod.spec)) return users.every((user) => made.includes(user));
    const [start, wanted] = [startOf(pod, names.keeperContainer), users.join(" ")];
    const known = told.get(start) ?? made.join(" ");
    if (known === wanted) return true;
    const keeper = await keeperAccess(pod, identityOf(cache), operatorKey, settings.now());
    if (keeper === undefined || !(await settings.tellUsers(keeper.peer, keeper.token, users))) return false;
    told.set(start, wanted);
    forgetOldest(told, mostRemembered);
    return true;
  };

  const isLetIn = async (cache: StoredOrasCache, pod: V1Pod, user: string): Promise<boolean> => {
    const host = hostOf(pod);
    if (host === undefined) return false;
    const peer = { host: `${host}:${names.registryPort}`, trust: await trustOf(pod, cache) };
    return settings.letsIn(peer, basicOf(cacheKey(operatorKey, identityOf(cache)), user));
  };

  const untoldAgain = (uid: string): number => {
    const waits = untold.get(uid) ?? createBackoff(untoldMs, retryMs);
    untold.set(uid, waits);
    forgetOldest(untold, mostRemembered);
    return waits.next();
  };

  return async (stored, statefulSet, pods) => {
    const asking = pods.filter((pod) => podAsksForPassword(pod.spec) && isReady(pod));
    const isSettled = isRolledOut(statefulSet) && pods.length > 0 && asking.length === pods.length;
    const isInUse = (user: string) =>
      usersInUse(stored, installation, settings.loginsInUse(identityOf(stored).namespace))(user);
    const planned = withLogins(stored, plannedLogins(stored, { now: settings.now(), isSettled, isInUse }));
    // Before a registry that was started again lets anybody in, its keeper can be told.
    const telling = pods.filter((pod) => asking.includes(pod) || runsKeeper(pod));
    const areTold = await allOf(telling, (pod) => isTold(planned, pod));
    if (!areTold) return { cache: planned, againInMs: untoldAgain(identityOf(stored).uid) };
    untold.delete(identityOf(stored).uid);
    const { next } = stored.status?.auth ?? {};
    if (next === undefined || next !== planned.status?.auth?.next) {
      const begins = planned.status?.auth?.next === undefined ? undefined : soonMs;
      return { cache: planned, againInMs: begins ?? again(planned) };
    }
    const isDone = isSettled && (await allOf(asking, (pod) => isLetIn(planned, pod, next)));
    if (!isDone) return { cache: planned, againInMs: retryMs };
    const cache = withLogins(planned, switched(planned, settings.now()));
    return { cache, againInMs: again(cache) };
  };
}

/** Whether it can be told, though its registry may not be ready. */
function runsKeeper({ metadata, spec, status }: V1Pod): boolean {
  if (metadata?.deletionTimestamp !== undefined || !podAsksForPassword(spec)) return false;
  const found = status?.containerStatuses?.find(({ name }) => name === names.keeperContainer);
  return found?.state?.running !== undefined;
}

async function allOf<T>(all: readonly T[], is: (one: T) => Promise<boolean>): Promise<boolean> {
  return !(await Promise.all(all.map(is))).includes(false);
}

/** The cache as it will be stored. */
function withLogins(cache: StoredOrasCache, auth: Logins | undefined): StoredOrasCache {
  if (auth === undefined) return cache;
  return { ...cache, status: { ...cache.status, auth } };
}
