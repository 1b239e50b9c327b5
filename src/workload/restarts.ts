import type { V1Container } from "@kubernetes/client-node";

/** What of a container says whether it is started again. */
type Restarting = Pick<V1Container, "restartPolicy" | "restartPolicyRules">;

/** What the kubelet does when a container has ended: nothing, or start it again, or every container of the Pod. */
type Next = "ends" | "restarts" | "restarts-all";

/** The restart policy of a container: its own (KEP-5307), else the Pod's, else the default of Kubernetes. */
export function restartPolicyOf({ restartPolicy }: Restarting, podPolicy: string | undefined): string {
  return restartPolicy ?? podPolicy ?? "Always";
}

/**
 * What the kubelet does after an exit code: the first rule that fits (KEP-5307, KEP-5532), else the container's policy,
 * else the Pod's.
 *
 * @param container - with its policy and its rules
 * @param podPolicy - of its Pod
 * @param code - that it ended with
 */
export function afterEnd(container: Restarting, podPolicy: string | undefined, code: number): Next {
  const rule = container.restartPolicyRules?.find(({ exitCodes }) => {
    const { operator, values = [] } = exitCodes ?? {};
    return operator !== undefined && values.includes(code) === (operator === "In");
  });
  if (rule !== undefined) return rule.action === "RestartAllContainers" ? "restarts-all" : "restarts";
  const policy = restartPolicyOf(container, podPolicy);
  return policy === "Always" || (policy === "OnFailure" && code !== 0) ? "restarts" : "ends";
}

/** Whether a container has a rule that restarts every container of its Pod. */
export function canRestartAll({ restartPolicyRules }: Restarting): boolean {
  return (restartPolicyRules ?? []).some(({ action }) => action === "RestartAllContainers");
}
