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
