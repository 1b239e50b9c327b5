import { createHash } from "node:crypto";
import type { V1Secret, V1SecretKeySelector } from "@kubernetes/client-node";
import type { ChildFacts } from "./facts.ts";
import { childMetadata, identityOf } from "./owner.ts";
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

/**
 * The operator may create Secrets, not read or change them. So the name holds a digest of the cache's UID and of the
 * value that the spec gives: another value is another Secret, and nobody else's Secret has this name by accident.
 */
function ownName(cache: StoredOrasCache): string {
  const { name, uid } = identityOf(cache);
  const content = JSON.stringify([uid, cache.spec.secrets?.registryHttp]);
  return `${name}-http-${createHash("sha256").update(content).digest("hex").slice(0, 10)}`;
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
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: childMetadata(identityOf(cache), ownName(cache)),
    type: "Opaque",
    immutable: true,
    stringData: { [secretKey]: registryHttp ?? facts.random },
  };
}
