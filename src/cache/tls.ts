import type { V1EnvVar, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { CacheName } from "./access.ts";
import { cacheHost } from "./address.ts";
import { nodeNames } from "./nodes.ts";
import { registryIn } from "./pods.ts";
import { registryServiceName } from "./registry-service.ts";
import type { OrasCache, StoredOrasCache } from "./types.ts";

/** Certificate and key of a registry in one file, so that nobody finds one without the other. The keeper writes it. */
export const certificateFile: string = `${names.registryAuthPath}/tls.pem`;

/** The registry serves TLS if it is set. */
const tlsVariable = "REGISTRY_HTTP_TLS_CERTIFICATE";

/** What makes a registry serve TLS. */
export const tlsVariables: readonly V1EnvVar[] = [
  { name: tlsVariable, value: certificateFile },
  { name: "REGISTRY_HTTP_TLS_KEY", value: certificateFile },
];

/** Whether the registry in a Pod serves TLS, by the Pod's spec. */
export function podServesTls(spec: V1PodSpec | undefined): boolean {
  return registryIn(spec)?.env?.some(({ name }) => name === tlsVariable) === true;
}

/**
 * Whether the registry of a cache serves TLS: as its Pods do, which are not replaced while they may hold artifacts.
 *
 * @param cache - as stored
 * @param pods - its registry's
 */
export function servesTls(cache: StoredOrasCache, pods: readonly V1Pod[]): boolean {
  const runs = pods.filter(({ metadata }) => !metadata?.deletionTimestamp);
  return runs.length > 0 ? runs.every(({ spec }) => podServesTls(spec)) : cache.spec.tls !== undefined;
}

/**
 * Whether steps are to speak TLS to the registry of a cache: as the operator has seen it, else as the spec asks for it.
 *
 * @param cache - as submitted or stored
 */
export function usesTls({ spec, status }: OrasCache): boolean {
  return status?.url === undefined ? spec?.tls !== undefined : status.url.startsWith("https:");
}

/** The name of the ConfigMap with the CAs of a registry. */
export function caConfigMapName(cache: string): string {
  return `${cache}${names.caConfigMapSuffix}`;
}

/** The name by which steps reach a registry, without a port. */
export function stepName(cache: CacheName, spec: OrasCache["spec"], clusterDomain: string): string {
  return cacheHost(cache, spec, clusterDomain).replace(/:\d+$/, "");
}

/**
 * The names in the certificate of a registry, beside localhost.
 *
 * @param cache - which
 * @param spec - of the cache
 * @param clusterDomain - for example `cluster.local`
 * @returns first the one that steps use
 */
export function certificateNames(cache: CacheName, spec: OrasCache["spec"], clusterDomain: string): string[] {
  const { name, namespace } = cache;
  const long = [`.${namespace}`, `.${namespace}.svc`, `.${namespace}.svc.${clusterDomain}`];
  const services = [name, registryServiceName(name)].flatMap((start) =>
    ["", ...long].map((end) => `${start}${end}`),
  );
  // Each of several Pods has a name; of names with an asterisk some clients want three labels.
  const pods = [
    `${name}-0.${name}`,
    ...long.flatMap((end) => [`${name}-0.${name}${end}`, `*.${name}${end}`]),
  ];
  // Nodes see the certificate of an author as it is.
  const nodes = spec?.tls?.selfIssued ? nodeNames(spec) : [];
  return [...new Set([stepName(cache, spec, clusterDomain), ...pods, ...services, ...nodes])];
}
