import { job } from "./job.ts";
import { pod } from "./pod.ts";
import { type Mismatch, mismatch, type Shape, shapeOfMetadata, shapeOfTemplate } from "./shape.ts";
import type { PodTemplate, Workload, WorkloadKind } from "./workload.ts";

/** Every kind of object that the webhook is asked about. */
export const workloadKinds: readonly WorkloadKind[] = [pod, job];

/** The kind of that name, if it is one of these. */
export function workloadKind(group: string | undefined, kind: string | undefined): WorkloadKind | undefined {
  return workloadKinds.find((known) => known.kind === kind && known.group === (group ?? ""));
}

/**
 * Takes an object apart. Whatever is in it, this does not throw, and what it returns can be read as its types say.
 *
 * @param kind - of the object
 * @param object - plain JSON
 * @returns or the first field that is not of the type that Kubernetes gives it, which the API server refuses
 */
export function readWorkload(kind: WorkloadKind, object: unknown): Workload | Mismatch {
  const found = mismatch(object, kind.template.length === 0 ? shapeOfTemplate : shapeAround(kind));
  if (found) return { ...found, path: found.path.slice(1) };
  const template = kind.template.reduce(
    (value, field) => (value as Record<string, object>)[field] as object,
    object as object,
  ) as PodTemplate;
  return {
    kind,
    object: object as object,
    metadata: (object as PodTemplate).metadata,
    template,
    path: [...kind.template, "spec"].join("."),
  };
}

const shapes = new Map<WorkloadKind, Shape>();

/** The shape of an object around its Pod template. */
function shapeAround(kind: WorkloadKind): Shape {
  const known = shapes.get(kind);
  if (known) return known;
  const nested = kind.template.reduceRight<Shape>(
    (below, field) => ({ fields: { [field]: below }, needs: [field] }),
    shapeOfTemplate,
  ) as Extract<Shape, { fields: object }>;
  const shape = { ...nested, fields: { metadata: shapeOfMetadata, ...nested.fields } };
  shapes.set(kind, shape);
  return shape;
}
