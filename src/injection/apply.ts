import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { type AnnotationMap, isAnnotated } from "../annotations/map.ts";
import {
  isPod,
  ownAnnotations,
  type PodTemplate,
  podAnnotations,
  putBack,
  type Workload,
} from "../workload/workload.ts";
import { withPullSecrets } from "./input-volume.ts";
import { defaultContainerKey } from "./launcher.ts";
import { markerOf } from "./marker.ts";
import type { LauncherPlan, Plan } from "./plan.ts";

/**
 * The object with an injected spec in its Pod template, marked and labelled. Everything that the plan does not touch is the same value
 * as before. Annotations of a Job stay on the Job alone, so its Pods are not injected again; where the template carries
 * some too, the marker on it says that it was done.
 *
 * @param workload - as it was submitted
 * @param plan - made from its template's spec
 * @param spec - the template's, with the plan carried out
 * @param given - the object's namespace, and the uid of the review
 */
export function injectWorkload(
  workload: Workload,
  plan: Plan,
  spec: V1PodSpec,
  { namespace, request }: { readonly namespace: string; readonly request: string },
): object {
  const { metadata } = workload.template;
  const marked = (annotations: AnnotationMap | undefined, step = annotations) => ({
    ...annotations,
    [names.markerAnnotation]: markerOf(step, namespace),
  });
  const requested = { [names.requestAnnotation]: request };
  const below = podAnnotations(workload);
  const { defaultContainer } = plan.injection;
  const annotations = {
    ...(isPod(workload) || isAnnotated(below) ? marked(below) : below),
    ...(isPod(workload) && requested),
    ...(defaultContainer !== undefined && { [defaultContainerKey]: defaultContainer }),
  };
  const injected: PodTemplate = {
    metadata: {
      ...metadata,
      labels: { ...metadata?.labels, ...plan.labels },
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec,
  };
  // A Pod's metadata is its template's.
  if (isPod(workload)) {
    const named = withPullSecrets(spec, plan.injection.pullSecrets);
    return putBack(workload, { ...injected, spec: named }).object;
  }
  const own = ownAnnotations(workload);
  return putBack(workload, injected, {
    ...workload.metadata,
    labels: { ...workload.metadata?.labels, ...plan.labels },
    annotations: { ...marked(own, { ...below, ...own }), ...requested },
  }).object;
}

/**
 * The spec of a Pod with the plan carried out.
 *
 * @param spec - as it was submitted
 * @param plan - made from it
 */
export function injectSpec(spec: V1PodSpec, plan: Plan): V1PodSpec {
  const launchers = new Map(plan.launchers.map((launcher) => [launcher.name, launcher]));
  const containers = spec.containers.map((container) => {
    const launcher = launchers.get(container.name);
    return launcher ? wrapContainer(container, launcher) : container;
  });
  return {
    ...spec,
    volumes: [...(spec.volumes ?? []), ...plan.volumes],
    // After the Pod's own: sidecars that the network needs are up by then.
    ...(plan.initContainers.length > 0 && {
      initContainers: [...(spec.initContainers ?? []), ...plan.initContainers],
    }),
    containers:
      plan.shape === "hook" ? [...plan.containers, ...containers] : [...containers, ...plan.containers],
  };
}

function wrapContainer(
  container: V1Container,
  { command, args, env, mounts, startupProbe }: LauncherPlan,
): V1Container {
  return {
    ...container,
    command: [...command],
    args: [...args],
    ...(env.length > 0 ? { env: [...(container.env ?? []), ...env] } : {}),
    ...(startupProbe && { startupProbe }),
    volumeMounts: [...(container.volumeMounts ?? []), ...mounts],
  };
}
