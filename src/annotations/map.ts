import { names } from "../../schema/names.ts";

/** Annotations as Kubernetes stores them. */
export type AnnotationMap = Readonly<Record<string, string>>;

/**
 * Says whether an object asks for the operator: an annotation under its prefix, other than its own marker.
 *
 * @param map - the object's annotations, if it has any
 */
export function isAnnotated(map: AnnotationMap | undefined): boolean {
  return map !== undefined && Object.keys(map).some(isOurs);
}

/** Says whether a key stands under the operator's prefix and is not what the operator itself wrote. */
export function isOurs(key: string): boolean {
  return key.startsWith(names.prefix) && key !== names.markerAnnotation;
}
