import type { Verdict } from "./conditions.ts";
import { type NetworkFacts, networkModeOf } from "./network-mode.ts";
import type { OrasCache, OrasCacheStatus, StoredOrasCache } from "./types.ts";

/**
 * The name in a certificate for nodes: that of spec.nodeAddress without its port, and an IPv6 address without brackets.
 *
 * @param spec - of the cache
 * @returns none where nodes do not use the registry
 */
export function nodeNames(spec: OrasCache["spec"]): string[] {
  const address = spec?.nodeAddress;
  return address === undefined ? [] : [address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1")];
}

/**
 * Where nodes reach a registry. Container runtimes speak HTTPS unless their own settings say otherwise, and an Ingress may
 * serve it for a registry that does not.
 *
 * @param spec - of the cache
 */
export function nodeUrl({
  nodeAddress,
}: Pick<StoredOrasCache["spec"], "nodeAddress">): Pick<OrasCacheStatus, "nodeUrl"> {
  return nodeAddress === undefined ? {} : { nodeUrl: `https://${nodeAddress}` };
}

/**
 * That nodes are to reach a registry whose NetworkPolicy lets none in.
 *
 * @param cache - as stored
 * @param facts - what decides who reaches it
 */
export function nodesVerdict(cache: StoredOrasCache, facts: NetworkFacts): Verdict | undefined {
  const { nodeAddress, networkPolicy } = cache.spec;
  if (nodeAddress === undefined || networkModeOf(cache, facts) === "none") return undefined;
  if ((networkPolicy?.from ?? []).length > 0) return undefined;
  const message =
    `spec.nodeAddress is ${nodeAddress}, and the registry's NetworkPolicy lets in Pods of its namespace alone. Name in ` +
    "spec.networkPolicy.from where the traffic of nodes comes from: the Pods of the Ingress controller, or, for a NodePort or a " +
    "LoadBalancer, the addresses of nodes as ipBlock.";
  return { status: "True", reason: "NodeAddressNotAllowed", message };
}
