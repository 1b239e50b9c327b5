import type { V1Container, V1PodSpec, V1ResourceRequirements } from "@kubernetes/client-node";

/** What a container of ours asks for where the Pod's own containers make it ask for anything. */
const amounts = { cpu: "250m", memory: "128Mi" } as const;
const requestsBesideLimits = { cpu: "10m", memory: "32Mi" } as const;
const kinds = ["cpu", "memory"] as const;

/**
 * Resources of an added container, such that the Pod's QoS class does not change and quotas that accepted the
 * Pod still do: a request or limit is set exactly when every container of the Pod sets it. So BestEffort Pods
 * get none, Guaranteed Pods get requests equal to limits. Pod-level resources (KEP-2837) cover added containers
 * by themselves, and requests of ours could exceed them.
 *
 * An ephemeral-storage limit anywhere makes the kubelet add up the Pod's limits and count emptyDir volumes
 * against the sum, so ours then adds as much as the launcher may use (what it reads and writes is what lies packed
 * on the share), or as the first container that has such a limit.
 *
 * @param pod - the Pod as submitted
 * @param launcher - its container that is wrapped
 * @returns undefined when nothing is to be set
 */
export function addedResources(pod: V1PodSpec, launcher: V1Container): V1ResourceRequirements | undefined {
  if ((pod as { resources?: unknown }).resources !== undefined) return undefined;
  const all = [...pod.containers, ...(pod.initContainers ?? [])];
  const limits: Record<string, string> = {};
  const requests: Record<string, string> = {};

  for (const kind of kinds) {
    const limited = all.every((c) => c.resources?.limits?.[kind] !== undefined);
    // The API server fills absent requests from limits.
    const requested = all.every(
      (c) => (c.resources?.requests?.[kind] ?? c.resources?.limits?.[kind]) !== undefined,
    );
    if (limited) limits[kind] = amounts[kind];
    if (requested) requests[kind] = limited ? amounts[kind] : requestsBesideLimits[kind];
  }

  const storage = [launcher, ...all]
    .map((c) => c.resources?.limits?.["ephemeral-storage"])
    .find((limit) => limit !== undefined);
  if (storage !== undefined) {
    limits["ephemeral-storage"] = storage;
    requests["ephemeral-storage"] = "0";
  }
  const empty = Object.keys(limits).length === 0 && Object.keys(requests).length === 0;
  if (empty) return undefined;
  return {
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
    ...(Object.keys(requests).length > 0 ? { requests } : {}),
  };
}
