import type { V1Secret, V1SecretKeySelector } from "@kubernetes/client-node";
import type { ChildFacts } from "./facts.ts";
import { onceName, onceSecret } from "./once-secret.ts";
import { identityOf } from "./owner.ts";
import type { StoredOrasCache } from "./types.ts";

/** The key of the value in the Secret. */
const secretKey = "httpSecret";

/**
 * Where the registry finds REGISTRY_HTTP_SECRET: in the Secret that the spec names, else in one of the operator's.
 *
 * @param cache - as stored
 */
export function httpSecretReference(cache: StoredOrasCache): V1SecretKeySelector {
  const { registryHttpSecretRef } = cache.spec.secrets ?? {};
  return registryHttpSecretRef ?? { name: ownName(cache), key: secretKey };
}

/** A value that the spec gives is part of the name, a random one is not: that is made once for each cache. */
function ownName(cache: StoredOrasCache): string {
  const { name, uid } = identityOf(cache);
  return onceName(name, "http", [uid, cache.spec.secrets?.registryHttp]);
}

/**
 * The Secret with REGISTRY_HTTP_SECRET, which signs the state of uploads. It is created once and then left alone.
 *
 * @param cache - whose
 * @param facts - with a random value, for a spec that gives none
 * @returns undefined if the spec names a Secret
 */
export function httpSecret(cache: StoredOrasCache, facts: Pick<ChildFacts, "random">): V1Secret | undefined {
  const { registryHttp, registryHttpSecretRef } = cache.spec.secrets ?? {};
  if (registryHttpSecretRef !== undefined) return undefined;
  return onceSecret(cache, ownName(cache), { [secretKey]: registryHttp ?? facts.random });
}
