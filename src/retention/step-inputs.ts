import type { V1Job, V1Pod } from "@kubernetes/client-node";
import type { AnnotationMap } from "../annotations/map.ts";
import { writtenValues } from "../annotations/written.ts";

/**
 * The inputs that the annotations of a Pod name, unless it has ended. From which cache does not matter: what a step of the
 * namespace needs of another one is kept here, too.
 *
 * @param pod - any
 */
export function inputsOfPod({ metadata, status }: V1Pod): string[] {
  const hasEnded = ["Succeeded", "Failed"].includes(status?.phase ?? "");
  return hasEnded ? [] : inputsIn(metadata?.annotations);
}

/**
 * The inputs that a Job names, unless it has ended: its Pods may be made later, or again.
 *
 * @param job - any
 */
export function inputsOfJob({ metadata, spec, status }: V1Job): string[] {
  const hasEnded = status?.conditions?.some(
    ({ type, status: is }) => (type === "Complete" || type === "Failed") && is === "True",
  );
  return hasEnded
    ? []
    : [...inputsIn(metadata?.annotations), ...inputsIn(spec?.template.metadata?.annotations)];
}

function inputsIn(annotations: AnnotationMap = {}): string[] {
  return writtenValues(annotations, "input-uri").map(({ value }) => value);
}
