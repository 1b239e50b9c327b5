import type { V1PodFailurePolicy } from "@kubernetes/client-node";
import { mismatch, type Shape } from "./shape.ts";
import type { Workload, WorkloadKind } from "./workload.ts";

interface JobSpec {
  readonly completionMode?: string | null;
  readonly parallelism?: number | null;
  readonly completions?: number | null;
  /** Of any type, as somebody has written it. */
  readonly podFailurePolicy?: unknown;
}

/** A Job of the group batch. */
export const job: WorkloadKind = {
  kind: "Job",
  group: "batch",
  plural: "jobs",
  template: ["spec", "template"],
  missingVariables: (workload) => (isIndexed(workload) ? [] : ["JOB_COMPLETION_INDEX"]),
  knownValues: ({ metadata }) => (metadata?.name ? { JOB_NAME: metadata.name } : {}),
  tellsPodsApart: (workload) => {
    const { parallelism, completions } = specOf(workload);
    if ((parallelism ?? 1) <= 1 && (completions ?? 1) <= 1) return undefined;
    return isIndexed(workload) ? "JOB_COMPLETION_INDEX" : "POD_NAME";
  },
  namesContainers: (workload) => {
    const policy = specOf(workload).podFailurePolicy;
    if (mismatch(policy, failurePolicy) !== undefined) return [];
    const { rules = [] } = (policy ?? {}) as V1PodFailurePolicy;
    return rules.flatMap(({ onExitCodes }) => onExitCodes?.containerName ?? []);
  },
};

const failurePolicy: Shape = {
  fields: { rules: { list: { fields: { onExitCodes: { fields: { containerName: "text" } } } } } },
};

function isIndexed(workload: Workload): boolean {
  return specOf(workload).completionMode === "Indexed";
}

function specOf({ object }: Workload): JobSpec {
  return (object as { readonly spec: JobSpec }).spec;
}
