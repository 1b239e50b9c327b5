import type { V1Pod } from "@kubernetes/client-node";
import type { VariableName } from "../../schema/variables.ts";
import type { Values } from "../annotations/variables.ts";
import { podAnnotations, type WorkloadKind } from "./workload.ts";

/** Where the Job controller writes what two of the variables stand for. */
export const jobNameLabel = "batch.kubernetes.io/job-name";
export const completionIndexKey = "batch.kubernetes.io/job-completion-index";

/**
 * What variables stand for in a Pod, but for its node, which it has later.
 *
 * @param pod - with its metadata
 */
export function valuesOfPod({ metadata }: { readonly metadata?: V1Pod["metadata"] | undefined }): Values {
  const known = {
    POD_NAME: metadata?.name,
    POD_NAMESPACE: metadata?.namespace,
    POD_UID: metadata?.uid,
    JOB_NAME: metadata?.labels?.[jobNameLabel],
    JOB_COMPLETION_INDEX: metadata?.annotations?.[completionIndexKey],
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value));
}

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
  knownValues: valuesOfPod,
  tellsPodsApart: () => undefined,
  namesContainers: () => [],
};
