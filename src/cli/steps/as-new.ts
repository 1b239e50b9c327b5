import type { KubeObject, Metadata } from "../../kube/objects.ts";

/** What the Job controller writes on a Job, and on its template to find its Pods. */
const ofController = [
  "controller-uid",
  "job-name",
  "batch.kubernetes.io/controller-uid",
  "batch.kubernetes.io/job-name",
];
const tracking = "batch.kubernetes.io/job-tracking";

interface JobSpec {
  readonly selector?: unknown;
  readonly manualSelector?: boolean;
  readonly template?: { readonly metadata?: Metadata };
}

/**
 * A stored Job or Pod as it can be created again. What the operator has injected stays: it knows such an object by its
 * marker, and begins its life anew.
 *
 * @param object - as the API server has it
 */
export function asNew(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata = {}, spec } = object as KubeObject & { readonly spec?: JobSpec };
  const { name, namespace, annotations } = metadata;
  const made = {
    name,
    namespace,
    ...kept("labels", metadata.labels, ofController),
    ...kept("annotations", annotations, [tracking]),
  };
  return {
    apiVersion,
    kind,
    metadata: made,
    spec: kind === "Job" ? jobSpec(spec ?? {}) : podSpec(spec ?? {}),
  } as KubeObject;
}

function jobSpec(spec: JobSpec): object {
  if (spec.manualSelector) return spec;
  const { selector: _, template, ...rest } = spec;
  const { labels, ...metadata } = template?.metadata ?? {};
  return {
    ...rest,
    template: { ...template, metadata: { ...metadata, ...kept("labels", labels, ofController) } },
  };
}

/** Where a Pod ran is for the scheduler to say again. */
function podSpec(spec: object): object {
  const { nodeName: _, ...rest } = spec as { readonly nodeName?: string };
  return rest;
}

function kept(
  field: "labels" | "annotations",
  map: Readonly<Record<string, string>> | undefined,
  removed: readonly string[],
) {
  const left = Object.entries(map ?? {}).filter(([key]) => !removed.includes(key));
  return left.length === 0 ? {} : { [field]: Object.fromEntries(left) };
}
