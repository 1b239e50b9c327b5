import type { V1Secret } from "@kubernetes/client-node";
import { authOf, cacheKey, cacheLogin, keySecretName, type LoginOf, loginSecretName } from "./access.ts";
import type { ChildFacts } from "./facts.ts";
import { currentUser, loginOf } from "./logins.ts";
import { onceSecret } from "./once-secret.ts";
import { identityOf } from "./owner.ts";
import { runsKeeper } from "./storage.ts";
import type { StoredOrasCache } from "./types.ts";

type AccessFacts = Pick<ChildFacts, "operatorKey" | "auth" | "statefulSet" | "clusterDomain">;

/** Whether the registry of a cache is to ask for a password: see authOf. */
export function isClosed(cache: StoredOrasCache, facts: Pick<ChildFacts, "auth" | "statefulSet">): boolean {
  return authOf(cache, facts.statefulSet, facts.auth) === "htpasswd";
}

/** Whether something in the registry's Pod needs the cache's key: passwords are made from it, and the keeper's token. */
export function needsKey(cache: StoredOrasCache, facts: Pick<ChildFacts, "auth" | "statefulSet">): boolean {
  return isClosed(cache, facts) || runsKeeper(cache);
}

/**
 * The Secret with a cache's key, for the registry's Pod.
 *
 * @param cache - whose
 * @param facts - with the operator's key
 * @returns undefined if nothing there needs it
 */
export function keySecret(cache: StoredOrasCache, facts: AccessFacts): V1Secret | undefined {
  if (!needsKey(cache, facts)) return undefined;
  const identity = identityOf(cache);
  const key = cacheKey(facts.operatorKey, identity);
  return onceSecret(cache, keySecretName(key, identity.name), { key });
}

/**
 * The Secret with the login of a cache for steps. Its name does not depend on spec.nodeAddress: a step may be there before
 * its cache, and before that changes.
 *
 * @param cache - whose
 * @param facts - with the operator's key
 * @returns undefined if the registry asks for no password
 */
export function credentialsSecret(cache: StoredOrasCache, facts: AccessFacts): V1Secret | undefined {
  return isClosed(cache, facts) ? loginSecret(cache, facts, { user: currentUser(cache) }) : undefined;
}

/**
 * The Secret with the login of a cache that is valid for nodes, too.
 *
 * @param cache - whose
 * @param facts - with the operator's key
 * @returns undefined where nodes do not use the registry, or it asks for no password
 */
export function nodeCredentialsSecret(cache: StoredOrasCache, facts: AccessFacts): V1Secret | undefined {
  const isWanted = cache.spec.nodeAddress !== undefined && isClosed(cache, facts);
  return isWanted ? loginSecret(cache, facts, loginOf(cache)) : undefined;
}

function loginSecret(cache: StoredOrasCache, facts: AccessFacts, of: LoginOf): V1Secret {
  const identity = identityOf(cache);
  const key = cacheKey(facts.operatorKey, identity);
  const { username, password, dockerConfig } = cacheLogin(key, identity, facts.clusterDomain, of);
  const content = { ".dockerconfigjson": dockerConfig, username, password };
  return onceSecret(cache, loginSecretName(identity, facts, of), content, "kubernetes.io/dockerconfigjson");
}
