import { names } from "../../schema/names.ts";

/** Annotations as Kubernetes stores them. */
export type AnnotationMap = Readonly<Record<string, string>>;

/** What the operator writes on a step that waits, in the course of its life. */
export const lifeAnnotations: readonly string[] = [
  names.waitingForAnnotation,
  names.inputDigestsAnnotation,
  names.memoKeyAnnotation,
  names.memoClaimAnnotation,
  names.memoizedFromAnnotation,
];

/** Labels that it writes on the same. */
export const lifeLabels: readonly string[] = [names.waitingLabel, names.memoizedLabel];

/** What the operator writes on what it injects: nobody's wish, and no part of a step's digest. */
export const injectedAnnotations: readonly string[] = [
  names.markerAnnotation,
  names.requestAnnotation,
  names.gateAnnotation,
  ...lifeAnnotations,
];

/** Labels that the operator writes on the same. */
export const injectedLabels: readonly string[] = [names.injectedLabel, names.usesCacheLabel, ...lifeLabels];

/**
 * Says whether an object asks for the operator: an annotation under its prefix, other than what the webhook writes.
 *
 * @param map - the object's annotations, if it has any
 */
export function isAnnotated(map: AnnotationMap | undefined): boolean {
  return map !== undefined && Object.keys(map).some(isOurs);
}

/** Says whether a key stands under the operator's prefix and is not what the operator itself wrote. */
export function isOurs(key: string): boolean {
  return key.startsWith(names.prefix) && !injectedAnnotations.includes(key);
}
