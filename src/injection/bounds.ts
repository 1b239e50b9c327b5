import type { V1LimitRange, V1LimitRangeItem } from "@kubernetes/client-node";
import { amountOf } from "./quantity.ts";

/** What LimitRanges say, one after the other. */
export function limitsOf(ranges: readonly V1LimitRange[] = []): V1LimitRangeItem[] {
  return ranges.flatMap(({ spec }) => spec?.limits ?? []);
}

/**
 * An amount within what a namespace's LimitRanges allow a container.
 *
 * @param resource - such as `cpu`
 * @param amount - a quantity
 * @param ranges - of the namespace
 * @returns the amount, or the bound that it is beyond
 * @see https://kubernetes.io/docs/concepts/policy/limit-range/
 */
export function within(resource: string, amount: string, ranges: readonly V1LimitRangeItem[]): string {
  const all = ranges.filter(({ type }) => type === "Container");
  const least = all.flatMap(({ min }) => min?.[resource] ?? []);
  const most = all.flatMap(({ max }) => max?.[resource] ?? []);
  const raised = least.reduce((a, bound) => (amountOf(bound) > amountOf(a) ? bound : a), amount);
  return most.reduce((a, bound) => (amountOf(bound) < amountOf(a) ? bound : a), raised);
}
