import type { V1LimitRange, V1LimitRangeItem, V1PodSpec } from "@kubernetes/client-node";
import { type Problem, quoted } from "../annotations/problems.ts";
import { formatAmount } from "../annotations/quantity.ts";
import {
  type Amounts,
  itemsOf,
  milli,
  type Usage,
  usageOf,
  usageOfPod,
  type Whole,
  wholeOf,
  withDefaults,
} from "./usage.ts";

/**
 * What the API server would have against a Pod because of its added containers: bounds and ratios of the namespace's
 * LimitRanges, and the Pod's own resources. Its words would name a Pod, which a Job's author never sees.
 *
 * @param before - spec as submitted; what it breaks already is not reported
 * @param after - spec with the added containers
 * @param ranges - LimitRanges of the namespace
 * @param path - of the spec, for messages
 */
export function checkLimits(
  before: V1PodSpec,
  after: V1PodSpec,
  ranges: readonly V1LimitRange[],
  path: string,
): Problem[] {
  if (ranges.length === 0 && wholeOf(after) === undefined) return [];
  const known = violations(before, ranges);
  return [...violations(after, ranges)]
    .filter(([rule]) => !known.has(rule))
    .map(([, message]) => ({ code: "BeyondLimitRange", path: `${path}.containers`, message }));
}

/** Each rule that a spec breaks, with the sentence that says so. */
function violations(spec: V1PodSpec, ranges: readonly V1LimitRange[]): Map<string, string> {
  const broken = new Map<string, string>();
  const complete = withDefaults(spec, ranges);
  const subjects = {
    Container: [...(complete.initContainers ?? []), ...complete.containers].map((container) => ({
      name: `container ${quoted(container.name)}`,
      usage: usageOf(container),
    })),
    Pod: [{ name: "the Pod, with the added containers,", usage: usageOfPod(complete) }],
  };
  itemsOf(ranges).forEach(({ range, item }, i) => {
    for (const { name, usage } of subjects[item.type as "Pod"] ?? []) {
      for (const [rule, says] of brokenRules(item, usage, name)) {
        broken.set(`${i} ${name} ${rule}`, `LimitRange ${quoted(range)} ${says}.`);
      }
    }
  });
  for (const [rule, message] of brokenWhole(spec, complete)) broken.set(rule, message);
  return broken;
}

interface Rule {
  /** Whether a request and a limit keep it, all in thousandths. */
  readonly keeps: (bound: number, request: number | undefined, limit: number | undefined) => boolean;
  readonly says: (resource: string, bound: string) => string;
}

/** What an item may say of a resource, as the plugin LimitRanger takes it. */
const rules: Readonly<Record<"min" | "max" | "maxLimitRequestRatio", Rule>> = {
  min: {
    keeps: (bound, request = -1, limit = bound) => request >= bound && limit >= bound,
    says: (resource, bound) => `demands at least ${resource} ${bound} of`,
  },
  max: {
    keeps: (bound, request = 0, limit = bound + 1) => request <= bound && limit <= bound,
    says: (resource, bound) => `allows at most ${resource} ${bound} for`,
  },
  maxLimitRequestRatio: {
    keeps: (bound, request = 0, limit = 0) => request > 0 && limit > 0 && (limit / request) * 1000 <= bound,
    says: (resource, bound) => `allows a limit of at most ${bound} times the request of ${resource} for`,
  },
};

/** The rules of an item that a usage breaks, each with what it says. */
function brokenRules(item: V1LimitRangeItem, { requests, limits }: Usage, name: string): [string, string][] {
  return (Object.keys(rules) as (keyof typeof rules)[]).flatMap((rule) =>
    Object.entries(item[rule] ?? {}).flatMap(([resource, bound]): [string, string][] => {
      const [request, limit] = [requests[resource], limits[resource]];
      if (rules[rule].keeps(milli(bound), request, limit)) return [];
      const has = `${name} has ${resource} ${told(resource, request)} requested and ${told(resource, limit)} as its limit`;
      return [[`${rule} ${resource}`, `${rules[rule].says(resource, bound)} a ${item.type}, and ${has}`]];
    }),
  );
}

function told(resource: string, amount: number | undefined): string {
  return amount === undefined ? "nothing" : formatAmount(resource, amount);
}

/**
 * Pod-level resources bound each container's limit, and all requests together (KEP-2837). What they do not say of
 * requests, the API server sets to what containers say, before LimitRanges do.
 */
function brokenWhole(written: V1PodSpec, spec: V1PodSpec): [string, string][] {
  const whole = wholeOf(spec);
  if (whole === undefined) return [];
  const said = usageOfPod(withDefaults(withoutWhole(written), [])).requests;
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return [
    ...brokenRequests(whole, said, usageOfPod(withoutWhole(spec)).requests),
    ...containers.flatMap(({ name, resources }) =>
      brokenLimits(whole, name, usageOf({ name, ...(resources && { resources }) })),
    ),
  ];
}

function brokenRequests(whole: Whole, said: Amounts, together: Amounts): [string, string][] {
  return ["cpu", "memory"].flatMap((resource): [string, string][] => {
    const own =
      whole.requests?.[resource] ?? (said[resource] === undefined ? whole.limits?.[resource] : undefined);
    const bound = own === undefined ? said[resource] : milli(own);
    if (bound === undefined || (together[resource] ?? 0) <= bound) return [];
    const message = `the Pod's own resources.requests.${resource} is ${formatAmount(resource, bound)}, and all containers together, the added ones among them, request ${told(resource, together[resource])}.`;
    return [[`requests ${resource}`, message]];
  });
}

function brokenLimits(whole: Whole, name: string, { limits }: Usage): [string, string][] {
  return Object.entries(whole.limits ?? {}).flatMap(([resource, bound]): [string, string][] => {
    if ((limits[resource] ?? 0) <= milli(bound)) return [];
    const message = `the Pod's own resources.limits.${resource} is ${bound}, and container ${quoted(name)} has a limit of ${told(resource, limits[resource])}.`;
    return [[`limits ${resource} ${name}`, message]];
  });
}

function withoutWhole(spec: V1PodSpec): V1PodSpec {
  const { containers, initContainers } = spec;
  return { containers, ...(initContainers && { initContainers }) };
}
