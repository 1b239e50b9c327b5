import type {
  V1NetworkPolicy,
  V1NetworkPolicyIngressRule,
  V1NetworkPolicyPeer,
} from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { ChildFacts } from "./facts.ts";
import { selectorLabels } from "./labels.ts";
import { type NetworkFacts, networkModeOf } from "./network-mode.ts";
import { childMetadata, identityOf } from "./owner.ts";
import { runsKeeper } from "./storage.ts";
import type { StoredOrasCache } from "./types.ts";

/**
 * The NetworkPolicy of a cache: Pods of its namespace reach the registry, the operator, and whom the spec names. A Pod that
 * a policy selects is closed to all others.
 *
 * @param cache - whose
 * @param facts - with the operator's namespace
 * @returns undefined where anybody may reach the registry
 */
export function networkPolicy(
  cache: StoredOrasCache,
  facts: NetworkFacts & Pick<ChildFacts, "operatorNamespace">,
): V1NetworkPolicy | undefined {
  if (networkModeOf(cache, facts) === "none") return undefined;
  const { from = [], metricsFrom = [] } = cache.spec.networkPolicy ?? {};
  const owner = identityOf(cache);
  // It asks whether the registry enforces its password, and the keeper how full it is.
  const operator: V1NetworkPolicyPeer = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": facts.operatorNamespace } },
    podSelector: { matchLabels: { "app.kubernetes.io/name": names.operatorName } },
  };
  const inside = [{ podSelector: {} }, operator];
  // Steps ask the keeper of their own cache whether there is room.
  const rules = [
    ruleFor(names.registryPort, [...inside, ...from]),
    ...(runsKeeper(cache) ? [ruleFor(names.keeperPort, inside)] : []),
    // A rule without peers would let everybody in.
    ...(metricsFrom.length > 0 ? [ruleFor(names.registryMetricsPort, metricsFrom)] : []),
  ];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: childMetadata(owner),
    spec: {
      podSelector: { matchLabels: selectorLabels(owner.name) },
      policyTypes: ["Ingress"],
      ingress: rules,
    },
  };
}

/** The client library calls the field _from, for a serializer that is not used here. */
function ruleFor(port: number, from: readonly object[]): V1NetworkPolicyIngressRule {
  const rule: object = { from, ports: [{ port, protocol: "TCP" }] };
  return rule as V1NetworkPolicyIngressRule;
}
