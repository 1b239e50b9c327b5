import type { V1EnvVar, V1PodSpec, V1PodTemplateSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { isCovered } from "./covered.ts";
import { registryIn } from "./pods.ts";
import { restartIn } from "./registry-pod.ts";

/** What a Pod or a template was made as; a Pod has more than its template: defaults, and what webhooks add. */
export interface Made {
  readonly metadata?: V1PodTemplateSpec["metadata"];
  readonly spec?: V1PodSpec | undefined;
}

/** As many as a sentence bears. */
const mostVariables = 5;

/**
 * What a template changes in a registry's Pod, in words. What is only in the Pod does not count, except for variables: an
 * API server and its webhooks add to Pods.
 *
 * @param template - that the next Pod is made from
 * @param before - the Pod as it runs, or the template before
 * @returns for example `image a → b` and `variables X and Y`; empty where nothing can be seen to differ
 */
export function changesOf(template: V1PodTemplateSpec, before: Made): string[] {
  const now = template.spec;
  const [container, old] = [registryIn(now), registryIn(before.spec)];
  const pod = fieldsThatDiffer(without(now, "containers"), without(before.spec, "containers"));
  const inside = fieldsThatDiffer(without(container, "env", "image"), without(old, "env", "image"));
  const image = container?.image === old?.image ? [] : [`image ${old?.image} → ${container?.image}`];
  const variables = variablesThatDiffer(container?.env, old?.env);
  const { labels, annotations } = template.metadata ?? {};
  const { [names.podRestartAnnotation]: _, ...others } = annotations ?? {};
  return [
    ...image,
    ...(variables.length > 0 ? [`variables ${listed(variables)}`] : []),
    ...inside,
    ...othersThatDiffer(now, before.spec),
    ...pod,
    ...(isCovered(labels ?? {}, before.metadata?.labels ?? {}) ? [] : ["labels"]),
    ...(isCovered(others, before.metadata?.annotations ?? {}) ? [] : ["annotations"]),
    ...(restartIn(template) === restartIn(before) ? [] : ["the restart that was asked for"]),
  ];
}

/** The containers beside the registry, as one word each. */
function othersThatDiffer(now: V1PodSpec | undefined, before: V1PodSpec | undefined): string[] {
  return (now?.containers ?? [])
    .filter(({ name }) => name !== names.registryContainer)
    .filter((container) => !isThere([container], before?.containers))
    .map(({ name }) => `container ${name}`);
}

function without(object: object = {}, ...fields: string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([field]) => !fields.includes(field)));
}

function fieldsThatDiffer(now: Record<string, unknown>, before: Record<string, unknown>): string[] {
  return Object.entries(now)
    .filter(([field, value]) => !isThere(value, before[field]))
    .map(([field]) => field);
}

/** As isCovered, but a list may have more, in any order: the kubelet's tolerations, the volumes of webhooks. */
function isThere(now: unknown, before: unknown): boolean {
  if (!Array.isArray(now)) return isCovered(now, before);
  return now.every((item: unknown) => Array.isArray(before) && before.some((other) => isSame(item, other)));
}

/** Items with a name have defaults; of the others, such as tolerations, one may be part of another one. */
function isSame(item: unknown, other: unknown): boolean {
  const isNamed = typeof item === "object" && item !== null && "name" in item;
  return isCovered(item, other) && (isNamed || isCovered(other, item));
}

function variablesThatDiffer(now: readonly V1EnvVar[] = [], before: readonly V1EnvVar[] = []): string[] {
  const differs = (some: readonly V1EnvVar[], others: readonly V1EnvVar[], same: typeof isCovered) =>
    some
      .filter((variable) => !others.some((other) => other.name === variable.name && same(variable, other)))
      .map(({ name }) => name);
  const removed = differs(before, now, () => true);
  return [...new Set([...differs(now, before, isCovered), ...removed])];
}

function listed(words: readonly string[]): string {
  const some = words.slice(0, mostVariables);
  return words.length > some.length
    ? `${some.join(", ")} and ${words.length - some.length} more`
    : some.join(", ");
}
