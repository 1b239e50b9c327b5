import type { V1Container, V1ContainerRestartRule, V1PodSpec } from "@kubernetes/client-node";
import { canRestartAll, restartPolicyOf } from "../workload/restarts.ts";

/**
 * Whether an input may be removed as soon as it is unpacked: the container has no other attempt, or one for which the init
 * container pulls again, as it does when all containers are restarted (KEP-5532).
 */
export function removesInputs(pod: V1PodSpec, container: V1Container): boolean {
  return (
    restartPolicyOf(container, pod.restartPolicy) === "Never" &&
    (container.restartPolicyRules ?? []).every(({ action }) => action === "RestartAllContainers")
  );
}

/** Whether a container's end may restart all of them, whose outputs are dropped then. */
export function restartsAll({ containers, initContainers }: V1PodSpec): boolean {
  return [...containers, ...(initContainers ?? [])].some(canRestartAll);
}

/** What the agent has to know of what the kubelet does when a wrapped container ends. */
export function policyOf(pod: V1PodSpec, container: V1Container): string {
  const rules = (container.restartPolicyRules ?? []).flatMap(ruleOf);
  return JSON.stringify({
    restart: restartPolicyOf(container, pod.restartPolicy),
    ...(rules.length > 0 && { rules }),
  });
}

function ruleOf({ action, exitCodes }: V1ContainerRestartRule): object[] {
  if (exitCodes === undefined) return [];
  return [
    {
      codes: exitCodes.values ?? [],
      ...(exitCodes.operator === "NotIn" && { except: true }),
      ...(action === "RestartAllContainers" && { all: true }),
    },
  ];
}
