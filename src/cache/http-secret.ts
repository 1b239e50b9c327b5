import { createHash } from "node:crypto";
import type { V1Secret } from "@kubernetes/client-node";
import { type CacheIdentity, childMetadata } from "./owner.ts";
import type { StoredOrasCacheSpec } from "./types.ts";

/** The key of the value in the Secret. */
export const httpSecretKey = "httpSecret";

/**
 * The name of the Secret with REGISTRY_HTTP_SECRET. The operator may create Secrets, not read or change them, so
 * a value that the spec gives goes into the name as a digest: another value is another Secret.
 *
 * @param cache - its name
 * @param spec - its spec
 */
export function httpSecretName(cache: string, spec: StoredOrasCacheSpec): string {
  const given = spec.secrets?.registryHttp;
  if (given === undefined) return `${cache}-http`;
  return `${cache}-http-${createHash("sha256").update(given).digest("hex").slice(0, 10)}`;
}

/**
 * The Secret with REGISTRY_HTTP_SECRET, which signs the state of uploads. It is created once and then left alone.
 *
 * @param cache - whose
 * @param spec - its spec
 * @param random - a fresh random value, for a spec that gives none
 */
export function desiredHttpSecret(cache: CacheIdentity, spec: StoredOrasCacheSpec, random: string): V1Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: childMetadata(cache, httpSecretName(cache.name, spec)),
    type: "Opaque",
    immutable: true,
    stringData: { [httpSecretKey]: spec.secrets?.registryHttp ?? random },
  };
}
