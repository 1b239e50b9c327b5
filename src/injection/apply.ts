import type { V1Container, V1ObjectMeta, V1PodSpec } from "@kubernetes/client-node";
import { createPatch, type Operation } from "rfc6902";
import { names } from "../../generated/names.ts";
import { formatMarker } from "./marker.ts";
import type { LauncherPlan, Plan } from "./plan.ts";

/** The parts of a Pod that injection reads and writes; unknown fields are carried along. */
export interface PodLike {
  readonly metadata?: V1ObjectMeta;
  readonly spec: V1PodSpec;
}

/** The parts of a Job that injection reads and writes; unknown fields are carried along. */
export interface JobLike {
  readonly metadata?: V1ObjectMeta;
  readonly spec: { readonly template: PodLike };
}

/**
 * The Pod with the plan carried out. Everything that the plan does not touch is the same object as before.
 *
 * @param pod - a Pod or a Pod template
 * @param plan - made from its spec
 * @param marked - whether the marker annotation is set too (not on a Job's template, unless it is annotated)
 */
export function injectPod<P extends PodLike>(pod: P, plan: Plan, marked: boolean): P {
  const metadata = {
    ...pod.metadata,
    labels: { ...pod.metadata?.labels, [names.injectedLabel]: "true" },
    ...(marked ? { annotations: withMarker(pod.metadata, plan) } : {}),
  };
  return { ...pod, metadata, spec: injectSpec(pod.spec, plan) };
}

/**
 * The Job with the plan carried out on its Pod template. The annotations stay on the Job alone, so its Pods are
 * not injected again; where the template carries some too, the marker on it says that it was done.
 *
 * @param job - a Job
 * @param plan - made from its template's spec
 * @param templateAnnotated - whether the template carries annotations of ours
 */
export function injectJob<J extends JobLike>(job: J, plan: Plan, templateAnnotated: boolean): J {
  return {
    ...job,
    metadata: { ...job.metadata, annotations: withMarker(job.metadata, plan) },
    spec: { ...job.spec, template: injectPod(job.spec.template, plan, templateAnnotated) },
  };
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

function withMarker(metadata: V1ObjectMeta | undefined, plan: Plan): Record<string, string> {
  return {
    ...metadata?.annotations,
    [names.markerAnnotation]: formatMarker(
      plan,
      plan.launchers.map(({ name }) => name),
    ),
  };
}

function injectSpec(spec: V1PodSpec, plan: Plan): V1PodSpec {
  return {
    ...spec,
    volumes: [...(spec.volumes ?? []), ...plan.volumes],
    // After the Pod's own: sidecars that the network needs are up by then.
    initContainers: [...(spec.initContainers ?? []), ...plan.initContainers],
    containers: [
      ...spec.containers.map((container) => {
        const launcher = plan.launchers.find(({ name }) => name === container.name);
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
