import type { V1PodSpec } from "@kubernetes/client-node";
import { loginSecretName } from "./access.ts";
import type { CacheInstallation } from "./facts.ts";
import { endedUsers, validUsers } from "./logins.ts";
import { identityOf } from "./owner.ts";
import type { StoredOrasCache } from "./types.ts";

const ending = /-credentials-[0-9a-f]{10}$/;

/** Whether a Secret may be one with a login of an OrasCache of this name. */
export function mayBeLoginOf(secret: string, cache: string): boolean {
  return mayBeLogin(secret) && secret.replace(ending, "") === cache;
}

/** Whether a Secret may be one with a login of an OrasCache, by its name. */
function mayBeLogin(secret: string): boolean {
  return ending.test(secret);
}

/**
 * The Secrets of a Pod, in volumes, variables and for its images, whose name is one of a login of an OrasCache.
 *
 * @param spec - of the Pod, or of a template for such
 * @param recorded - Secrets that an injection has recorded: Pods of a Job get them when they are created
 */
export function loginsIn(spec: Partial<V1PodSpec> = {}, recorded: readonly string[] = []): string[] {
  const { volumes = [], imagePullSecrets = [], containers = [], initContainers = [] } = spec;
  const mounted = volumes.flatMap(({ secret, projected }) => [
    secret?.secretName,
    ...(projected?.sources ?? []).map((source) => source.secret?.name),
  ]);
  const inVariables = [...initContainers, ...containers].flatMap(({ env = [], envFrom = [] }) => [
    ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
    ...envFrom.map(({ secretRef }) => secretRef?.name),
  ]);
  const all = [...mounted, ...inVariables, ...imagePullSecrets.map(({ name }) => name), ...recorded];
  return [...new Set(all)].filter((name): name is string => name !== undefined && mayBeLogin(name));
}

/**
 * Finds out whether Pods may have the login of a user, or get it. The name of a Secret is a digest of what is in it, so nobody can tell whose one is
 * that was made for a nodeAddress of before, or for another cluster domain: that may be anybody's, and none of the users it may be of
 * ends before it. One of a user that has ended lets nobody in: a Pod that waits with it for its image, maybe for ever, keeps no other user.
 *
 * @param cache - as stored
 * @param installation - with what passwords are made from
 * @param secrets - that Pods of its namespace have, and Jobs that may make more
 * @returns a user of the cache => whether
 */
export function usersInUse(
  cache: StoredOrasCache,
  installation: Pick<CacheInstallation, "operatorKey" | "clusterDomain">,
  secrets: Iterable<string>,
): (user: string) => boolean {
  const identity = identityOf(cache);
  const { nodeAddress } = cache.spec;
  const own = [...secrets].filter((name) => mayBeLoginOf(name, identity.name));
  if (own.length === 0) return () => false;
  const userOf = new Map(
    [...validUsers(cache), ...endedUsers(cache)].flatMap((user) =>
      [{ user }, { user, nodeAddress }].map((of) => [loginSecretName(identity, installation, of), user]),
    ),
  );
  return (user) => own.some((name) => (userOf.get(name) ?? user) === user);
}
