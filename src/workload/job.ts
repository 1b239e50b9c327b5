import type { Workload, WorkloadKind } from "./workload.ts";

interface JobSpec {
  readonly completionMode?: string | null;
  readonly parallelism?: number | null;
  readonly completions?: number | null;
}

/** A Job of the group batch. */
export const job: WorkloadKind = {
  kind: "Job",
  group: "batch",
  plural: "jobs",
  template: ["spec", "template"],
  missingVariables: (workload) => (isIndexed(workload) ? [] : ["JOB_COMPLETION_INDEX"]),
  tellsPodsApart: (workload) => {
    const { parallelism, completions } = specOf(workload);
    if ((parallelism ?? 1) <= 1 && (completions ?? 1) <= 1) return undefined;
    return isIndexed(workload) ? "JOB_COMPLETION_INDEX" : "POD_NAME";
  },
};

function isIndexed(workload: Workload): boolean {
  return specOf(workload).completionMode === "Indexed";
}

function specOf({ object }: Workload): JobSpec {
  return (object as { readonly spec: JobSpec }).spec;
}
