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
  unless: {
    // The kubelet made it from a file and only shows it to the API server.
    "not-a-mirror-pod": `!has(object.metadata.annotations) || !("kubernetes.io/config.mirror" in object.metadata.annotations)`,
  },
  missingVariables: (workload) => {
    const missing: VariableName[] = [];
    if (workload.metadata?.labels?.[jobNameLabel] === undefined) missing.push("JOB_NAME");
    if (podAnnotations(workload)?.[completionIndexKey] === undefined) missing.push("JOB_COMPLETION_INDEX");
    return missing;
  },
  tellsPodsApart: () => undefined,
};
