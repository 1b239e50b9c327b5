import type { V1Container, V1ContainerRestartRule, V1PodSpec } from "@kubernetes/client-node";
import { endsForGood } from "../../schema/exit-codes.ts";
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

/**
 * Exit codes of a container whose process was killed, or could not be started: by the runtime before it began, by SIGKILL
 * (also for lack of memory), by SIGSEGV.
 */
const killedCodes = [128, 137, 139];

/**
 * After which ends the container that serves a step is started again (KEP-5307). The agent itself never ends with the codes
 * of a container that was killed: that one has an output to push, or programs that wait for it. Where the Pod's containers
 * are started again after failures, so is this one, as long as that may help: a step whose inputs fail fails, as with an
 * init container.
 */
export function restartsServing({ restartPolicy }: V1PodSpec) {
  return restartPolicy === "OnFailure"
    ? { operator: "NotIn", values: [0, ...endsForGood] }
    : { operator: "In", values: killedCodes };
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
