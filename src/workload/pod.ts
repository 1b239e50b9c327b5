import type { VariableName } from "../../schema/variables.ts";
import { podAnnotations, type WorkloadKind } from "./workload.ts";

/** Where the Job controller writes what two of the variables stand for. */
const jobNameLabel = "batch.kubernetes.io/job-name";
const completionIndexKey = "batch.kubernetes.io/job-completion-index";

/** A Pod. */
export const pod: WorkloadKind = {
  kind: "Pod",
  group: "",
  plural: "pods",
  template: [],
  missingVariables: (workload) => {
    const missing: VariableName[] = [];
    if (workload.metadata?.labels?.[jobNameLabel] === undefined) missing.push("JOB_NAME");
    if (podAnnotations(workload)?.[completionIndexKey] === undefined) missing.push("JOB_COMPLETION_INDEX");
    return missing;
  },
  tellsPodsApart: () => undefined,
  namesContainers: () => [],
};
