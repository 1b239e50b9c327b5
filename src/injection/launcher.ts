import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { type AnnotationMap, keyOf } from "../annotations/keys.ts";
import type { Problem, Result } from "../annotations/problems.ts";
import type { LauncherSettings, Settings } from "../annotations/settings.ts";

/** kubectl's own annotation for the container that matters in a Pod. */
const defaultContainerKey = "kubectl.kubernetes.io/default-container";

/** A container to wrap, and what its step's author says of it. */
export interface Launcher {
  readonly container: V1Container;
  readonly settings: LauncherSettings;
}

/**
 * Chooses the containers to wrap: those that the step names; else kubectl's default container, else the first.
 *
 * @param pod - the Pod's spec
 * @param podAnnotations - the Pod's own annotations (of a Job: its template's)
 * @param settings - what the step's author asked for
 * @returns the containers in the order of their numbers, or the problem that there is none of a name
 */
export function chooseLaunchers(
  pod: V1PodSpec,
  podAnnotations: AnnotationMap | undefined,
  settings: Settings,
): Result<readonly Launcher[]> {
  const launchers: Launcher[] = [];
  const problems: Problem[] = [];
  for (const wanted of settings.launchers) {
    const container = find(pod, podAnnotations, wanted);
    if (container === undefined) {
      problems.push(noLauncher(pod, wanted));
    } else if (launchers.some((launcher) => launcher.container === container)) {
      const path = keyOf({ name: "container", number: wanted.number });
      const message = `found "${container.name}", which another number names already.`;
      problems.push({ code: "LauncherTwice", path, message });
    } else {
      launchers.push({ container, settings: wanted });
    }
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: launchers };
}

function find(
  pod: V1PodSpec,
  podAnnotations: AnnotationMap | undefined,
  wanted: LauncherSettings,
): V1Container | undefined {
  const named = (name: string | undefined) => pod.containers.find((c) => c.name === name);
  if (wanted.container !== undefined) return named(wanted.container);
  return named(podAnnotations?.[defaultContainerKey]) ?? pod.containers[0];
}

function noLauncher(pod: V1PodSpec, { number, container = "" }: LauncherSettings): Problem {
  const present = pod.containers.map((c) => c.name).join(", ");
  const init = pod.initContainers?.some((c) => c.name === container);
  return {
    code: "NoLauncher",
    path: keyOf({ name: "container", number }),
    message: `found "${container}"${init ? ", which is an init container" : ""}; allowed are the Pod's containers: ${present || "there are none"}.`,
  };
}
