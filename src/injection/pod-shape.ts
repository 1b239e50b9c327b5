import type { V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { type Settings, usesScripts } from "../annotations/settings.ts";
import { restartPolicyOf } from "../workload/restarts.ts";
import type { Launcher } from "./launcher.ts";
import { restartsAll } from "./restart.ts";

/**
 * How a step lies in its Pod. `init`: an init container pulls, and the container `oras`, if there is an output, stands
 * last. `hook`: no init container; `oras` stands first, its postStart hook and a variable from a file of its hold the
 * wrapped containers back.
 */
export type PodShape = "init" | "hook";

/** The shape that a Pod gets. */
export interface ShapeChoice {
  readonly shape: PodShape;
  /** Everything that speaks for the init container; nothing where there is none. */
  readonly because: readonly string[];
}

/**
 * Decides about the shape. A step without an init container starts sooner, and has to be as safe:
 *
 * - a program whose inputs fail must end the Pod, as an init container does: nothing else may run beside it that would not
 *   end. Native sidecars do not keep a Pod;
 * - a probe of the author's that restarts its container must not see that the inputs still come;
 * - the kubelet publishes the Pod's address when the postStart hooks of all containers have ended, and network plugins that
 *   enforce NetworkPolicies by that address refuse the Pod until then (seen with kube-router): a hook that waits for the
 *   program would wait for inputs that cannot come;
 * - where every container may be restarted, only an init container knows that another round begins (KEP-5532);
 * - the container `oras` has to be the agent, which serves and waits;
 * - a Job's podFailurePolicy may name containers that are there alone: the API server refuses another one.
 *
 * @param step - the Pod and what its author wants, and the containers that its Job names
 * @param hookShape - whether the cluster can run it: see Answers
 */
export function chooseShape(
  step: {
    readonly pod: V1PodSpec;
    readonly launchers: readonly Launcher[];
    readonly settings: Settings;
    readonly named: readonly string[];
  },
  hookShape: boolean | undefined,
): ShapeChoice {
  const because = [
    ...(hookShape ? [] : ["the installation or the cluster has no other shape"]),
    ...againstHook(step),
  ];
  return { shape: because.length > 0 ? "init" : "hook", because };
}

function againstHook({ pod, launchers, settings, named }: Parameters<typeof chooseShape>[0]): string[] {
  const wrapped = new Set(launchers.map(({ index }) => index));
  const others = pod.containers.filter((_, index) => !wrapped.has(index));
  return [
    ...others.map(({ name }) => `the container ${name} is not wrapped`),
    ...launchers.flatMap(({ container }) =>
      [
        restartPolicyOf(container, pod.restartPolicy) === "Always" && "has the restart policy Always",
        container.startupProbe && "has a startup probe",
        container.livenessProbe && "has a liveness probe",
        container.lifecycle?.postStart && "has a postStart hook",
      ].flatMap((found) => (found ? [`the container ${container.name} ${found}`] : [])),
    ),
    // Of the container `oras`, where those that are wrapped have policies of their own.
    ...(restartPolicyOf({}, pod.restartPolicy) === "Always" ? ["the Pod has the restart policy Always"] : []),
    ...(restartsAll(pod) ? ["a container may restart all of them"] : []),
    ...(named.includes(names.pullContainer)
      ? [`the podFailurePolicy names the container ${names.pullContainer}`]
      : []),
    ...(usesScripts(settings) ? ["a script of the author's runs"] : []),
    ...(settings.orasContainer === undefined ? [] : ["the image of the container oras is the author's"]),
  ];
}
