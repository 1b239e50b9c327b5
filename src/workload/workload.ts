import type { V1ObjectMeta, V1PodSpec } from "@kubernetes/client-node";
import type { VariableName } from "../../schema/variables.ts";
import type { AnnotationMap } from "../annotations/map.ts";
import type { Values } from "../annotations/variables.ts";

/** A Pod, or the Pod template of another object; fields that are not named here are carried along. */
export interface PodTemplate {
  readonly metadata?: V1ObjectMeta;
  readonly spec: V1PodSpec;
}

/** Everything that the product knows of one kind of object that is or makes a Pod. A new kind is one value of this. */
export interface WorkloadKind {
  readonly kind: string;
  readonly group: string;
  /** As in the path of the API and in the webhook's rules. */
  readonly plural: string;
  /** Fields from the object to its Pod template; none for a Pod, which is its own template. */
  readonly template: readonly string[];
  /** Variables of annotations that a Pod made from the object has no value for. */
  readonly missingVariables: (workload: Workload) => readonly VariableName[];
  /** What variables stand for in each of the object's Pods, as far as that is known when the object is created. */
  readonly knownValues: (workload: Workload) => Values;
  /** The variable that tells the object's Pods apart, where there is more than one Pod. */
  readonly tellsPodsApart: (workload: Workload) => VariableName | undefined;
  /** Names of containers that the object speaks of outside of its template, where the API server wants to find them. */
  readonly namesContainers: (workload: Workload) => readonly string[];
}

/** An object of one of these kinds, taken apart once. */
export interface Workload {
  readonly kind: WorkloadKind;
  /** As it was submitted. */
  readonly object: object;
  readonly metadata: V1ObjectMeta | undefined;
  readonly template: PodTemplate;
  /** Where the Pod's spec stands in the object, for messages: `spec.template.spec`. */
  readonly path: string;
}

/** The annotations of the object itself. */
export function ownAnnotations({ metadata }: Workload): AnnotationMap | undefined {
  return metadata?.annotations;
}

/** The annotations that the object's Pods have: those of its template. */
export function podAnnotations({ template }: Workload): AnnotationMap | undefined {
  return template.metadata?.annotations;
}

/** Whether the object is a Pod, which has no template besides itself. */
export function isPod({ kind }: Workload): boolean {
  return kind.template.length === 0;
}

/** Whether a controller made the object, such as a Job its Pod or a CronJob its Job. */
export function ownedByController({ metadata }: Workload): boolean {
  return metadata?.ownerReferences?.some((owner) => owner.controller === true) ?? false;
}

/** Whether Kubernetes made the object, a Pod, from a Job: webhooks saw that Job before. */
export function ownedByJob(workload: Workload): boolean {
  return ownedBy(workload, "Job");
}

/** Whether the controller of one of the kinds of the group batch made the object. */
export function ownedBy({ metadata }: Workload, batchKind: "Job" | "CronJob"): boolean {
  return (
    metadata?.ownerReferences?.some(
      ({ controller, kind, apiVersion }) =>
        controller === true && kind === batchKind && apiVersion.startsWith("batch/"),
    ) ?? false
  );
}

/**
 * The object with another template and other metadata. What is not changed is the same value as before.
 *
 * @param workload - the object as it was submitted
 * @param template - a Pod's own spec and metadata, or the template of another kind
 * @param metadata - of the object itself; a Pod's stands in its template
 */
export function putBack(workload: Workload, template: PodTemplate, metadata?: V1ObjectMeta): Workload {
  if (isPod(workload)) {
    const object = { ...workload.object, ...template };
    return { ...workload, object, metadata: template.metadata ?? workload.metadata, template: object };
  }
  const changed = putAt(workload.object as Record<string, unknown>, workload.kind.template, template);
  const object = metadata === undefined ? changed : { ...changed, metadata };
  return { ...workload, object, metadata: metadata ?? workload.metadata, template };
}

function putAt(
  object: Record<string, unknown>,
  [field, ...rest]: readonly string[],
  value: unknown,
): Record<string, unknown> {
  if (field === undefined) return value as Record<string, unknown>;
  return { ...object, [field]: putAt(object[field] as Record<string, unknown>, rest, value) };
}
