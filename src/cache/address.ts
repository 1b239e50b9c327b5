import { names } from "../../schema/names.ts";

/**
 * The host name at which a cache answers its Pods: the first replica's own name, which needs no proxy.
 *
 * @param cache - the cache's name
 * @param namespace - its namespace
 * @param clusterDomain - for example `cluster.local`
 * @returns without the port
 */
export function cacheHost(cache: string, namespace: string, clusterDomain: string): string {
  return `${cache}-0.${cache}.${namespace}.svc.${clusterDomain}`;
}

/**
 * The URL of a cache's registry.
 *
 * @param cache - the cache's name
 * @param namespace - its namespace
 * @param clusterDomain - for example `cluster.local`
 */
export function cacheUrl(cache: string, namespace: string, clusterDomain: string): string {
  return `http://${cacheHost(cache, namespace, clusterDomain)}:${names.registryPort}`;
}

/**
 * The URL of a remote registry as `spec.registry` names it: HTTPS unless it says otherwise.
 *
 * @param registry - `host`, `host:port`, or either with a scheme
 */
export function remoteUrl(registry: string): string {
  return /^https?:\/\//.test(registry) ? registry : `https://${registry}`;
}
