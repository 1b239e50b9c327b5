import type { V1Container, V1LimitRange, V1LimitRangeItem, V1PodSpec } from "@kubernetes/client-node";
import { amountOf } from "../annotations/quantity.ts";

/** Thousandths of cores or bytes by resource: whole numbers, so that sums are exact. */
export type Amounts = Readonly<Record<string, number>>;

/** What a container or a Pod asks for. */
export interface Usage {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

/** A quantity in thousandths. */
export function milli(quantity: string): number {
  return Math.round(amountOf(quantity) * 1000);
}

/** What LimitRanges say, one item after the other, each with the name of its LimitRange. */
export function itemsOf(ranges: readonly V1LimitRange[] = []): { range: string; item: V1LimitRangeItem }[] {
  return ranges.flatMap(({ metadata, spec }) =>
    (spec?.limits ?? []).map((item) => ({ range: metadata?.name ?? "", item })),
  );
}

/**
 * The spec that a Pod made from a template will have when it is admitted: the API server sets requests from limits, then
 * its plugin LimitRanger sets what containers leave open. A Job is decided before any of that has happened.
 *
 * @param spec - as written
 * @param ranges - of the namespace
 * @returns the same with all requests and limits; the rest is as it was
 * @see https://kubernetes.io/docs/concepts/policy/limit-range/
 */
export function withDefaults(spec: V1PodSpec, ranges: readonly V1LimitRange[]): V1PodSpec {
  const containers = itemsOf(ranges).filter(({ item }) => item.type === "Container");
  const requests = firstOf(containers.map(({ item }) => item.defaultRequest));
  // The types of the client library call it _default.
  const limits = firstOf(containers.map(({ item }) => (item as { readonly default?: Quantities }).default));
  const complete = (container: V1Container): V1Container => {
    const own = container.resources;
    return {
      ...container,
      resources: {
        limits: { ...limits, ...own?.limits },
        requests: { ...requests, ...own?.limits, ...own?.requests },
      },
    };
  };
  return {
    ...spec,
    containers: spec.containers.map(complete),
    ...(spec.initContainers && { initContainers: spec.initContainers.map(complete) }),
  };
}

/** Resources of the Pod itself, which the types of the client library do not have yet (KEP-2837). */
export function wholeOf(spec: V1PodSpec): Whole | undefined {
  return (spec as { readonly resources?: Whole }).resources;
}

export interface Whole {
  readonly requests?: Quantities;
  readonly limits?: Quantities;
}

type Quantities = Record<string, string>;

function firstOf(maps: readonly (Quantities | undefined)[]): Quantities {
  return Object.assign({}, ...maps.toReversed()) as Quantities;
}

/** What a container asks for. */
export function usageOf({ resources }: V1Container): Usage {
  return { requests: amounts(resources?.requests), limits: amounts(resources?.limits) };
}

/**
 * What a Pod asks for as a whole: its containers together, or more where its init containers need more.
 *
 * @param spec - with defaults
 * @see https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
 */
export function usageOfPod(spec: V1PodSpec): Usage {
  const whole = wholeOf(spec);
  const sum = (kind: keyof Usage): Amounts => ({
    ...sumOf(spec, (container) => usageOf(container)[kind]),
    ...amounts(whole?.[kind]),
  });
  return { requests: sum("requests"), limits: sum("limits") };
}

function sumOf(spec: V1PodSpec, of: (container: V1Container) => Amounts): Amounts {
  const total: Record<string, number> = {};
  for (const container of spec.containers) add(total, of(container));
  const sidecars: Record<string, number> = {};
  const peak: Record<string, number> = {};
  for (const container of spec.initContainers ?? []) {
    const own = of(container);
    // What is not in it has not changed since the sidecar that it comes from was added.
    for (const [resource, amount] of Object.entries(own)) {
      peak[resource] = Math.max(peak[resource] ?? 0, (sidecars[resource] ?? 0) + amount);
    }
    if (container.restartPolicy === "Always") {
      add(total, own);
      add(sidecars, own);
    }
  }
  raise(total, peak);
  return total;
}

function add(total: Record<string, number>, more: Amounts): void {
  for (const [resource, amount] of Object.entries(more)) total[resource] = (total[resource] ?? 0) + amount;
}

function raise(most: Record<string, number>, other: Amounts): void {
  for (const [resource, amount] of Object.entries(other))
    most[resource] = Math.max(most[resource] ?? 0, amount);
}

function amounts(quantities: Quantities | undefined): Amounts {
  return Object.fromEntries(
    Object.entries(quantities ?? {})
      .map(([resource, quantity]) => [resource, milli(quantity)] as const)
      // What is no quantity, the API server refuses.
      .filter(([, amount]) => !Number.isNaN(amount)),
  );
}
