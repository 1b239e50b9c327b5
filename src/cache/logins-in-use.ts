import { loginSecretName } from "./access.ts";
import type { CacheInstallation } from "./facts.ts";
import { endedUsers, validUsers } from "./logins.ts";
import { identityOf } from "./owner.ts";
import type { StoredOrasCache } from "./types.ts";

const ending = /-credentials-[0-9a-f]{10}$/;

/** Whether a Secret may be one with a login of an OrasCache, by its name. */
export function mayBeLogin(secret: string): boolean {
  return ending.test(secret);
}

/**
 * Finds out whether Pods may have the login of a user. The name of a Secret is a digest of what is in it, so nobody can tell whose one is
 * that was made for a nodeAddress of before, or for another cluster domain: that may be anybody's, and none of the users it may be of
 * ends before it. One of a user that has ended lets nobody in: a Pod that waits with it for its image, maybe for ever, keeps no other user.
 *
 * @param cache - as stored
 * @param installation - with what passwords are made from
 * @param secrets - that Pods of its namespace have
 * @returns a user of the cache => whether
 */
export function usersInUse(
  cache: StoredOrasCache,
  installation: Pick<CacheInstallation, "operatorKey" | "clusterDomain">,
  secrets: Iterable<string>,
): (user: string) => boolean {
  const identity = identityOf(cache);
  const { nodeAddress } = cache.spec;
  const own = [...secrets].filter((name) => mayBeLogin(name) && name.replace(ending, "") === identity.name);
  if (own.length === 0) return () => false;
  const userOf = new Map(
    [...validUsers(cache), ...endedUsers(cache)].flatMap((user) =>
      [{ user }, { user, nodeAddress }].map((of) => [loginSecretName(identity, installation, of), user]),
    ),
  );
  return (user) => own.some((name) => (userOf.get(name) ?? user) === user);
}
