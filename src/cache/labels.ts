import { names } from "../../schema/names.ts";

/**
 * The labels that select a cache's registry Pods. One is under the operator's prefix: no workload carries it by accident,
 * while generic ones are shared by whatever an author copies.
 *
 * @param cache - its name
 */
export function selectorLabels(cache: string): Record<string, string> {
  return { [names.cacheLabel]: cache, "app.kubernetes.io/managed-by": names.operatorName };
}

/**
 * The labels of a cache's children.
 *
 * @param cache - its name
 */
export function childLabels(cache: string): Record<string, string> {
  return {
    ...selectorLabels(cache),
    "app.kubernetes.io/name": names.singular,
    "app.kubernetes.io/instance": cache,
    "app.kubernetes.io/component": names.registryContainer,
  };
}

/** Selects the children of every cache in a watch. */
export const childSelector = `${names.cacheLabel},app.kubernetes.io/managed-by=${names.operatorName}`;
