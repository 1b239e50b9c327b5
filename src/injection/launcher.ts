import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { annotations } from "../../generated/annotations.ts";
import type { AnnotationMap } from "../annotations/parse.ts";
import type { Problem, Result } from "../annotations/problems.ts";
import type { Settings } from "../annotations/settings.ts";

/** kubectl's own annotation for the container that matters in a Pod. */
const defaultContainerKey = "kubectl.kubernetes.io/default-container";

/**
 * Chooses the container to wrap: the one that the step names, else kubectl's default container, else the first.
 *
 * @param pod - the Pod's spec
 * @param podAnnotations - the Pod's own annotations (of a Job: its template's)
 * @param settings - what the step's author asked for
 * @returns the container, or the problem that there is none of that name
 */
export function chooseLauncher(
  pod: V1PodSpec,
  podAnnotations: AnnotationMap | undefined,
  settings: Settings,
): Result<V1Container> {
  const named = settings.container;
  if (named !== undefined) {
    const found = pod.containers.find((c) => c.name === named);
    return found ? { ok: true, value: found } : { ok: false, problems: [noLauncher(pod, named)] };
  }
  const preferred = podAnnotations?.[defaultContainerKey];
  const chosen = pod.containers.find((c) => c.name === preferred) ?? pod.containers[0];
  return chosen ? { ok: true, value: chosen } : { ok: false, problems: [noLauncher(pod, "")] };
}

function noLauncher(pod: V1PodSpec, named: string): Problem {
  const present = pod.containers.map((c) => c.name).join(", ");
  const init = pod.initContainers?.some((c) => c.name === named);
  return {
    code: "NoLauncher",
    path: annotations.container.key,
    message: `found "${named}"${init ? ", which is an init container" : ""}; allowed are the Pod's containers: ${present || "there are none"}.`,
  };
}
