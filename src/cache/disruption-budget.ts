import type { V1PodDisruptionBudget, V1TopologySpreadConstraint } from "@kubernetes/client-node";
import { selectorLabels } from "./labels.ts";
import { childMetadata, identityOf } from "./owner.ts";
import { isShared } from "./registry-service.ts";
import type { StoredOrasCache } from "./types.ts";

/**
 * Keeps whoever drains nodes from ending more than one of a registry's Pods at a time. Of a single Pod none could end, and no
 * node could be drained.
 *
 * @param cache - whose
 * @returns undefined for a registry of one Pod
 */
export function disruptionBudget(cache: StoredOrasCache): V1PodDisruptionBudget | undefined {
  if (cache.spec.replicas <= 1) return undefined;
  const owner = identityOf(cache);
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: childMetadata(owner),
    spec: {
      maxUnavailable: 1,
      selector: { matchLabels: selectorLabels(owner.name) },
      // One that is not ready serves nobody; it is not to keep a node from being drained.
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    },
  };
}

/**
 * How a registry's Pods spread where its author does not say: over nodes, as far as they fit.
 *
 * @param cache - whose
 */
export function spread(cache: StoredOrasCache): V1TopologySpreadConstraint[] | undefined {
  if (!isShared(cache.spec)) return undefined;
  return [
    {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: selectorLabels(identityOf(cache).name) },
    },
  ];
}
