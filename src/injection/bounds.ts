import type { V1LimitRange, V1PodSpec } from "@kubernetes/client-node";
import { formatAmount } from "../annotations/quantity.ts";
import { itemsOf, milli, usageOfPod, wholeOf } from "./usage.ts";

/** What an amount may be: quantities of LimitRanges, and what is left of those that bound the whole Pod. */
export interface Bounds {
  readonly min: readonly string[];
  readonly max: readonly string[];
  /** Thousandths that are left for all containers together. */
  readonly room: number;
}

/**
 * Bounds of what an added container may ask for of a resource.
 *
 * @param resource - such as `cpu`
 * @param spec - of the Pod, with defaults
 * @param ranges - LimitRanges of the namespace
 * @param beside - whether the container runs beside the Pod's own, and not before them only
 * @see https://kubernetes.io/docs/concepts/policy/limit-range/
 */
export function boundsOf(
  resource: string,
  spec: V1PodSpec,
  ranges: readonly V1LimitRange[],
  beside: boolean,
): { readonly limit: Bounds; readonly request: Bounds; readonly hasRatio: boolean } {
  const whole = wholeOf(spec);
  if (ranges.length === 0 && whole === undefined) return unbounded; // nearly always so
  const items = itemsOf(ranges).map(({ item }) => item);
  const containers = items.filter(({ type }) => type === "Container");
  const pods = items.filter(({ type }) => type === "Pod");
  const min = containers.flatMap((item) => item.min?.[resource] ?? []);
  const max = containers.flatMap((item) => item.max?.[resource] ?? []);
  // What runs at the same time: before the Pod's own containers that is sidecars only.
  const used = usageOfPod({
    containers: beside ? spec.containers : [],
    initContainers: (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always"),
  });
  const left = (kind: "limits" | "requests", bounds: readonly (string | undefined)[]) =>
    Math.min(
      ...bounds.map((bound) => (bound === undefined ? Infinity : milli(bound) - (used[kind][resource] ?? 0))),
    );
  const ofPods = whole === undefined ? pods.map((item) => item.max?.[resource]) : [];
  const limitOfWhole = whole?.limits?.[resource];
  return {
    limit: {
      min,
      max: limitOfWhole === undefined ? max : [...max, limitOfWhole],
      room: left("limits", ofPods),
    },
    request: { min, max, room: left("requests", [...ofPods, whole?.requests?.[resource]]) },
    hasRatio: items.some((item) => item.maxLimitRequestRatio?.[resource] !== undefined),
  };
}

const free: Bounds = { min: [], max: [], room: Infinity };
const unbounded = { limit: free, request: free, hasRatio: false };

/**
 * An amount within bounds.
 *
 * @param resource - such as `cpu`
 * @param amount - a quantity
 * @param least - the least that a container can work with, for which it does not shrink any further: where there is no
 *   room for that, the Pod is refused in words
 * @param bounds - of the resource
 */
export function withinBounds(
  resource: string,
  amount: string,
  least: string,
  { min, max, room }: Bounds,
): string {
  if (room === Infinity && min.length === 0 && max.length === 0) return amount;
  const shrunk =
    milli(amount) > room
      ? formatAmount(resource, Math.max(room, Math.min(milli(least), milli(amount))))
      : amount;
  const raised = min.reduce((a, bound) => (milli(bound) > milli(a) ? bound : a), shrunk);
  return max.reduce((a, bound) => (milli(bound) < milli(a) ? bound : a), raised);
}
