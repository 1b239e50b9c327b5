import type { V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { readWorkload, workloadKind } from "../workload/read.ts";
import { recordedInjection } from "./marker.ts";
import { stripInjection } from "./strip.ts";

/**
 * The spec of a Pod without what was injected. Where somebody has changed that since, so that it cannot be taken out, names and images
 * of the other containers are all that is known.
 *
 * @param pod - as the API server has it
 */
export function uninjected(pod: V1Pod): V1PodSpec {
  const kind = workloadKind("", "Pod");
  const workload = kind && readWorkload(kind, pod);
  const { spec } = pod;
  if (spec === undefined || workload === undefined || "expected" in workload) return { containers: [] };
  const injection = recordedInjection(spec);
  const stripped = stripInjection(workload, injection);
  if (stripped.ok) return stripped.value.template.spec;
  const added = { ...injection?.containers, ...injection?.initContainers };
  const bare = (containers: V1PodSpec["containers"] = []) =>
    containers
      .filter(({ name }) => !Object.hasOwn(added, name))
      .map(({ name, image }) => ({ name, ...(image !== undefined && { image }) }));
  return { initContainers: bare(spec.initContainers), containers: bare(spec.containers) };
}
