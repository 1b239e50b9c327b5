import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { createPatch, type Operation } from "rfc6902";
import { names } from "../../schema/names.ts";
import { isAnnotated } from "../annotations/keys.ts";
import {
  isPod,
  ownAnnotations,
  type PodTemplate,
  podAnnotations,
  putBack,
  type Workload,
} from "../workload/workload.ts";
import { formatMarker } from "./marker.ts";
import type { LauncherPlan, Plan } from "./plan.ts";

/**
 * The object with the plan carried out on its Pod template. Everything that the plan does not touch is the same value
 * as before. Annotations of a Job stay on the Job alone, so its Pods are not injected again; where the template carries
 * some too, the marker on it says that it was done.
 *
 * @param workload - as it was submitted
 * @param plan - made from its template's spec
 */
export function injectWorkload(workload: Workload, plan: Plan): object {
  const { metadata, spec } = workload.template;
  const marker = {
    [names.markerAnnotation]: formatMarker(
      plan,
      plan.launchers.map(({ name }) => name),
    ),
  };
  const own = ownAnnotations(workload);
  const below = podAnnotations(workload);
  const injected: PodTemplate = {
    metadata: {
      ...metadata,
      labels: { ...metadata?.labels, [names.injectedLabel]: "true" },
      ...(isPod(workload) || isAnnotated(below) ? { annotations: { ...below, ...marker } } : {}),
    },
    spec: injectSpec(spec, plan),
  };
  return putBack(workload, injected, { ...own, ...marker });
}

/**
 * The minimal JSON Patch (RFC 6902) from one object to the other.
 *
 * @param before - as submitted
 * @param after - sharing with it every part that did not change; lists have only grown at their end
 */
export function patchBetween(before: unknown, after: unknown): Operation[] {
  return createPatch(before, after, (a, b, pointer) => {
    // What is shared is equal: a Pod's hundreds of env entries need no comparison.
    if (a === b) return [];
    return Array.isArray(a) && Array.isArray(b) ? patchBetweenLists(a, b, pointer.toString()) : undefined;
  });
}

/** Item by item: the library looks for the shortest way from any list to any other, which costs their product. */
function patchBetweenLists(before: unknown[], after: unknown[], path: string): Operation[] {
  const isWords = after.every((item) => typeof item === "string");
  if (isWords || after.length < before.length) return [{ op: "replace", path, value: after }];
  return after.flatMap((item, i): Operation[] => {
    if (i >= before.length) return [{ op: "add", path: `${path}/-`, value: item }];
    return patchBetween(before[i], item).map((operation) => ({
      ...operation,
      path: `${path}/${i}${operation.path}`,
    }));
  });
}

function injectSpec(spec: V1PodSpec, plan: Plan): V1PodSpec {
  const launchers = new Map(plan.launchers.map((launcher) => [launcher.name, launcher]));
  return {
    ...spec,
    volumes: [...(spec.volumes ?? []), ...plan.volumes],
    // After the Pod's own: sidecars that the network needs are up by then.
    initContainers: [...(spec.initContainers ?? []), ...plan.initContainers],
    containers: [
      ...spec.containers.map((container) => {
        const launcher = launchers.get(container.name);
        return launcher ? wrapContainer(container, launcher) : container;
      }),
      ...plan.containers,
    ],
  };
}

function wrapContainer(container: V1Container, { command, args, env, mount }: LauncherPlan): V1Container {
  return {
    ...container,
    command: [...command],
    args: [...args],
    ...(env.length > 0 ? { env: [...(container.env ?? []), ...env] } : {}),
    volumeMounts: [...(container.volumeMounts ?? []), mount],
  };
}
