import type { V1PodSpec } from "@kubernetes/client-node";
import type { Injection } from "./marker.ts";
import { findInjection } from "./present.ts";

/**
 * Moves the added init containers behind the last native sidecar that came after them: a mesh adds its proxy to a Pod,
 * and a Job was injected before there was one. Init containers that are no sidecars are not overtaken: those that
 * redirect traffic to a proxy which is a regular container have to come after everything that uses the network.
 *
 * @param spec - of an injected Pod
 * @param injection - what was injected
 * @returns the same spec where nothing is to be moved
 * @see https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
 */
export function afterSidecars(spec: V1PodSpec, injection: Injection): V1PodSpec {
  const present = findInjection(spec, injection);
  const all = spec.initContainers ?? [];
  const first = present ? all.findIndex(present.isAddedInit) : -1;
  const last = all.findLastIndex(({ restartPolicy }) => restartPolicy === "Always");
  if (present === undefined || first < 0 || last < first) return spec;
  const upTo = all.slice(0, last + 1);
  const initContainers = [
    ...upTo.filter((container) => !present.isAddedInit(container)),
    ...upTo.filter(present.isAddedInit),
    ...all.slice(last + 1),
  ];
  return { ...spec, initContainers };
}
