import type { V1PodTemplateSpec, V1StatefulSet } from "@kubernetes/client-node";
import { isCovered } from "./covered.ts";
import type { ChildFacts } from "./facts.ts";
import { selectorLabels } from "./labels.ts";
import { networkModeOf, networkRecord } from "./network-mode.ts";
import { childMetadata, identityOf } from "./owner.ts";
import { registryPod, restartIn } from "./registry-pod.ts";
import { differsByUsers } from "./told-users.ts";
import type { StoredOrasCache } from "./types.ts";

/**
 * The StatefulSet of a cache.
 *
 * @param cache - whose
 * @param facts - what it depends on
 */
export function statefulSet(cache: StoredOrasCache, facts: ChildFacts): V1StatefulSet {
  const owner = identityOf(cache);
  const template = registryPod(cache, facts);
  const metadata = childMetadata(owner);
  const record = networkRecord(networkModeOf(cache, facts));
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { ...metadata, annotations: { ...metadata.annotations, ...record } },
    spec: {
      replicas: cache.spec.suspend ? 0 : cache.spec.replicas,
      serviceName: owner.name,
      // With OrderedReady a rollout that is stuck, on an image that is not there, is not repaired by the next one.
      podManagementPolicy: "Parallel",
      updateStrategy: { type: updateStrategy(cache, template, facts) },
      selector: { matchLabels: selectorLabels(owner.name) },
      template,
    },
  };
}

/**
 * A new Pod has an empty emptyDir: the artifacts are gone. So no change replaces a Pod that may hold some, neither one of
 * the operator (another version, another default image) nor one of the spec: who changes a label does not ask for an
 * empty cache. It waits until the Pod is deleted, or somebody asks for the restart; the status says so. And no Pod is
 * replaced for another login, which its keeper is told of.
 */
function updateStrategy(
  cache: StoredOrasCache,
  template: V1PodTemplateSpec,
  { statefulSet: live, mayHoldArtifacts }: ChildFacts,
): "RollingUpdate" | "OnDelete" {
  if (live === undefined) return "RollingUpdate";
  if (differsByUsers(template, live.spec?.template)) return "OnDelete";
  if (restartIn(template) !== restartIn(live.spec?.template)) return "RollingUpdate";
  const current = live.spec?.updateStrategy?.type === "OnDelete" ? "OnDelete" : "RollingUpdate";
  const isSame = isCovered(template, live.spec?.template);
  if (!mayHoldArtifacts) return isSame && cache.status?.auth !== undefined ? current : "RollingUpdate";
  return isSame ? current : "OnDelete";
}
