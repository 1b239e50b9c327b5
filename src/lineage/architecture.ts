import type { V1PodSpec } from "@kubernetes/client-node";

const labels = ["kubernetes.io/arch", "beta.kubernetes.io/arch"];

/**
 * What a Pod says of the architecture that it has to run on: the same digest of an image can be another program on another
 * one. It is taken as it is written, whatever else says where the Pod runs.
 *
 * @param spec - of the Pod
 * @returns undefined where it says nothing
 */
export function architectureOf({ nodeSelector, affinity }: V1PodSpec): object | undefined {
  const selected = labels.flatMap((label) => nodeSelector?.[label] ?? []);
  const terms =
    affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  // A Pod can run where one of the terms holds, so one that says nothing counts, too.
  const required = terms.map(
    (term) => term.matchExpressions?.filter(({ key }) => labels.includes(key)) ?? [],
  );
  const isRequired = required.some((expressions) => expressions.length > 0);
  if (selected.length === 0 && !isRequired) return undefined;
  return { selected, required: isRequired ? required : [] };
}
