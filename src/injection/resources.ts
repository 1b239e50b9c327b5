import type { V1LimitRangeItem, V1PodSpec, V1ResourceRequirements } from "@kubernetes/client-node";
import type { AddedResources } from "../annotations/settings.ts";
import { within } from "./bounds.ts";
import type { Launcher } from "./launcher.ts";

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
 * Every amount stays within the namespace's LimitRanges, or a Pod that they allow would be refused for ours.
 *
 * What the step's author says of a resource stands instead of all this.
 *
 * @param pod - the Pod as submitted
 * @param launchers - its containers that are wrapped
 * @param wanted - requests and limits of the author's
 * @param ranges - LimitRanges of the namespace
 * @returns undefined when nothing is to be set
 */
export function addedResources(
  pod: V1PodSpec,
  launchers: readonly Launcher[],
  wanted: AddedResources,
  ranges: readonly V1LimitRangeItem[] = [],
): V1ResourceRequirements | undefined {
  const derived =
    (pod as { resources?: unknown }).resources === undefined
      ? derivedResources(pod, launchers, ranges)
      : { requests: {}, limits: {} };
  // A request of ours beside a limit of the author's could exceed it, and the other way round.
  const said = Object.keys({ ...wanted.requests, ...wanted.limits });
  const merged = (kind: keyof AddedResources) => {
    const kept = Object.entries(derived[kind]).filter(([resource]) => !said.includes(resource));
    return { ...Object.fromEntries(kept), ...wanted[kind] };
  };
  const [limits, requests] = [merged("limits"), merged("requests")];
  const isSet = (amounts: object) => Object.keys(amounts).length > 0;
  if (!isSet(limits) && !isSet(requests)) return undefined;
  return { ...(isSet(limits) ? { limits } : {}), ...(isSet(requests) ? { requests } : {}) };
}

function derivedResources(
  pod: V1PodSpec,
  launchers: readonly Launcher[],
  ranges: readonly V1LimitRangeItem[],
): AddedResources {
  const all = [...pod.containers, ...(pod.initContainers ?? [])];
  const limits: Record<string, string> = {};
  const requests: Record<string, string> = {};

  for (const kind of kinds) {
    const limited = all.every((c) => c.resources?.limits?.[kind] !== undefined);
    // The API server fills absent requests from limits.
    const requested = all.every(
      (c) => (c.resources?.requests?.[kind] ?? c.resources?.limits?.[kind]) !== undefined,
    );
    if (limited) limits[kind] = within(kind, amounts[kind], ranges);
    if (requested) {
      requests[kind] = within(kind, limited ? amounts[kind] : requestsBesideLimits[kind], ranges);
    }
  }

  const storage = [...launchers.map(({ container }) => container), ...all]
    .map((c) => c.resources?.limits?.["ephemeral-storage"])
    .find((limit) => limit !== undefined);
  if (storage !== undefined) {
    limits["ephemeral-storage"] = storage;
    requests["ephemeral-storage"] = "0";
  }
  return { limits, requests };
}
