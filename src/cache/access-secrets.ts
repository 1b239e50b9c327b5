import type { V1Secret } from "@kubernetes/client-node";
import { authOf, cacheKey, cacheLogin, keySecretName, loginSecretName } from "./access.ts";
import type { ChildFacts } from "./facts.ts";
import { currentUser } from "./logins.ts";
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
 * The Secret with the login of a cache, for steps and people.
 *
 * @param cache - whose
 * @param facts - with the operator's key
 * @returns undefined if the registry asks for no password
 */
export function credentialsSecret(cache: StoredOrasCache, facts: AccessFacts): V1Secret | undefined {
  if (!isClosed(cache, facts)) return undefined;
  const identity = identityOf(cache);
  const user = currentUser(cache);
  const login = cacheLogin(cacheKey(facts.operatorKey, identity), identity, facts.clusterDomain, user);
  const { username, password, dockerConfig } = login;
  const content = { ".dockerconfigjson": dockerConfig, username, password };
  return onceSecret(cache, loginSecretName(identity, facts, user), content, "kubernetes.io/dockerconfigjson");
}
