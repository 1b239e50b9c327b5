import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { keyOf } from "../annotations/keys.ts";
import type { AnnotationMap } from "../annotations/map.ts";
import { listed, type Problem, quoted, type Result } from "../annotations/problems.ts";
import type { LauncherSettings, Settings } from "../annotations/settings.ts";

/** kubectl's own annotation for the container that matters in a Pod. */
export const defaultContainerKey = "kubectl.kubernetes.io/default-container";

/** A container to wrap, and what its step's author says of it. */
export interface Launcher {
  readonly container: V1Container;
  /** Its place in the Pod's list of containers. */
  readonly index: number;
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
  const chosen = new Set<number>();
  const indexes = new Map(pod.containers.map(({ name }, index) => [name, index]));
  for (const wanted of settings.launchers) {
    const index = indexOf(indexes, podAnnotations, wanted);
    const container = index === undefined ? undefined : pod.containers[index];
    if (index === undefined || container === undefined) {
      problems.push(noLauncher(pod, wanted));
    } else if (chosen.has(index)) {
      const path = keyOf({ name: "container", number: wanted.number });
      const message = `found ${quoted(container.name)}, which another number names already.`;
      problems.push({ code: "ContainerTwice", path, message });
    } else {
      chosen.add(index);
      launchers.push({ container, index, settings: wanted });
    }
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: launchers };
}

function indexOf(
  indexes: ReadonlyMap<string, number>,
  podAnnotations: AnnotationMap | undefined,
  wanted: LauncherSettings,
): number | undefined {
  if (wanted.container !== undefined) return indexes.get(wanted.container);
  return indexes.get(podAnnotations?.[defaultContainerKey] ?? "") ?? 0;
}

function noLauncher(pod: V1PodSpec, { number, container = "" }: LauncherSettings): Problem {
  const present = listed(pod.containers.map((c) => c.name));
  const init = pod.initContainers?.some((c) => c.name === container);
  return {
    code: "NoSuchContainer",
    path: keyOf({ name: "container", number }),
    message: `found ${quoted(container)}${init ? ", which is an init container" : ""}; allowed are the Pod's containers: ${present || "it has none"}.`,
  };
}
