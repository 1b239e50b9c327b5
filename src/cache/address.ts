import { names } from "../../schema/names.ts";
import type { CacheName } from "./access.ts";
import { isShared, registryServiceName } from "./registry-service.ts";
import type { OrasCache } from "./types.ts";

/**
 * Where a cache's registry answers its Pods: at the first replica's own name, which needs no proxy, or, where there may be
 * several, at a Service.
 *
 * @param cache - which
 * @param spec - of the cache, if it exists
 * @param clusterDomain - for example `cluster.local`
 * @returns with the port
 */
export function cacheHost(
  { name, namespace }: CacheName,
  spec: OrasCache["spec"],
  clusterDomain: string,
): string {
  const start = isShared(spec) ? registryServiceName(name) : `${name}-0.${name}`;
  return `${start}.${namespace}.svc.${clusterDomain}:${names.registryPort}`;
}

/**
 * The URL of a remote registry as `spec.registry` names it: HTTPS unless it says otherwise.
 *
 * @param registry - `host`, `host:port`, or either with a scheme
 */
export function remoteUrl(registry: string): string {
  return /^https?:\/\//.test(registry) ? registry : `https://${registry}`;
}
