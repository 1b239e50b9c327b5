import type { V1LimitRange, V1PodSpec, V1ResourceRequirements } from "@kubernetes/client-node";
import type { AddedResources } from "../annotations/settings.ts";
import { boundsOf, withinBounds } from "./bounds.ts";
import type { Launcher } from "./launcher.ts";
import { withDefaults } from "./usage.ts";

/** What an added container asks for where the Pod's own containers make it ask for anything. */
const amounts = { cpu: "250m", memory: "128Mi" } as const;
const requestsBesideLimits = { cpu: "10m", memory: "32Mi" } as const;
const kinds = ["cpu", "memory"] as const;

/** A Pod that containers are added to. */
interface Receiving {
  readonly pod: V1PodSpec;
  /** Its containers that are wrapped. */
  readonly launchers: readonly Launcher[];
  /** Requests and limits of the author's. */
  readonly wanted: AddedResources;
  /** LimitRanges of the namespace. */
  readonly ranges: readonly V1LimitRange[];
  /** Whether a container is added that runs beside the Pod's own, and not before them only. */
  readonly beside: boolean;
}

/**
 * Resources of an added container, such that the Pod's QoS class does not change and quotas that accepted the
 * Pod still do: a request or limit is set exactly when every container of the Pod sets it, or will have it by a
 * LimitRange. So BestEffort Pods get none, Guaranteed Pods get requests equal to limits. Pod-level resources (KEP-2837)
 * cover added containers by themselves, and requests of theirs could exceed them: some are set only where a LimitRange
 * would set greater ones.
 *
 * An ephemeral-storage limit anywhere makes the kubelet add up the Pod's limits and count emptyDir volumes
 * against the sum, so an added container adds as much as the launcher may use (what it reads and writes is what lies
 * packed on the share), or as the first container that has such a limit.
 *
 * Every amount stays within the namespace's LimitRanges, or a Pod that they allow would be refused for it.
 *
 * What the step's author says of a resource stands instead of all this.
 *
 * @returns undefined when nothing is to be set
 */
export function addedResources(receiving: Receiving): V1ResourceRequirements | undefined {
  const { wanted } = receiving;
  const derived = derivedResources(receiving);
  // A derived request beside a limit of the author's could exceed it, and the other way round.
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

function derivedResources({ pod, launchers, ranges, beside }: Receiving): AddedResources {
  const spec = ranges.length === 0 ? pod : withDefaults(pod, ranges);
  const all = [...spec.containers, ...(spec.initContainers ?? [])];
  const limits: Record<string, string> = {};
  const requests: Record<string, string> = {};
  const whole = (pod as { resources?: AddedResources }).resources;

  for (const kind of kinds) {
    if (whole && !(isCounted(pod, kind) && ranges.some((range) => givesLimit(range, kind)))) continue;
    const limited = all.every((c) => c.resources?.limits?.[kind] !== undefined);
    // The API server fills absent requests from limits.
    const requested = all.every(
      (c) => (c.resources?.requests?.[kind] ?? c.resources?.limits?.[kind]) !== undefined,
    );
    const bounds = boundsOf(kind, spec, ranges, beside);
    const least = requestsBesideLimits[kind];
    if (limited) limits[kind] = withinBounds(kind, amounts[kind], least, bounds.limit);
    if (requested) requests[kind] = withinBounds(kind, limits[kind] ?? least, least, bounds.request);
  }

  if (whole !== undefined) return { limits, requests };
  const storage = storageOf(spec, launchers, ranges, beside);
  return { limits: { ...limits, ...storage?.limits }, requests: { ...requests, ...storage?.requests } };
}

function storageOf(
  spec: V1PodSpec,
  launchers: readonly Launcher[],
  ranges: readonly V1LimitRange[],
  beside: boolean,
): AddedResources | undefined {
  const resource = "ephemeral-storage";
  const wrapped = launchers.map(({ index }) => spec.containers[index]);
  const given = [...wrapped, ...spec.containers, ...(spec.initContainers ?? [])]
    .map((container) => container?.resources?.limits?.[resource])
    .find((limit) => limit !== undefined);
  if (given === undefined) return undefined;
  const bounds = boundsOf(resource, spec, ranges, beside);
  const limit = withinBounds(resource, given, "0", bounds.limit);
  const request = withinBounds(resource, bounds.hasRatio ? limit : "0", "0", bounds.request);
  return { limits: { [resource]: limit }, requests: { [resource]: request } };
}

/**
 * Whether the Pod as a whole says what it requests of a resource, or each container does. Otherwise the API server sets
 * the Pod's request to what containers say by then, a LimitRange gives the others theirs later, and all together would
 * be more.
 */
function isCounted(pod: V1PodSpec, kind: string): boolean {
  const says = ({ resources }: { readonly resources?: V1ResourceRequirements }) =>
    (resources?.requests?.[kind] ?? resources?.limits?.[kind]) !== undefined;
  return (
    says(pod as { resources?: V1ResourceRequirements }) ||
    [...pod.containers, ...(pod.initContainers ?? [])].every(says)
  );
}

function givesLimit({ spec }: V1LimitRange, kind: string): boolean {
  return (spec?.limits ?? []).some((item) => {
    const { type, default: limits } = item as { type?: string; default?: Record<string, string> };
    return type === "Container" && limits?.[kind] !== undefined;
  });
}
