import type { V1Container, V1Job, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { AnnotationName } from "../../src/annotations/table.ts";
import { OrasCache } from "../../src/cache/model.ts";

/** Annotations by their names without the prefix; those that can be numbered as name_1 and so on. */
export type StepAnnotations = Partial<Record<AnnotationName | `${AnnotationName}_${number}`, string>>;

/** The full key of an annotation, also of one that does not exist: a test's typing mistake. */
export function keyOf(name: string): string {
  return `${names.prefix}${name}`;
}

/** Annotations under their full keys. */
export function keyed(map: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [keyOf(name), value ?? ""]));
}

/**
 * An annotated Pod with the one container `main`, which runs a script in sh.
 *
 * @param name - of the Pod
 * @param map - its annotations, without the prefix
 * @param script - what `main` runs, unless `container` has a command
 * @param container - more fields of `main`
 * @param spec - more fields of the Pod's spec
 */
export function podOf(
  name: string,
  map: StepAnnotations = {},
  script = "true",
  container: Partial<V1Container> = {},
  spec: Partial<V1PodSpec> = {},
): V1Pod & { metadata: object; spec: V1PodSpec } {
  const main = { name: "main", image: "busybox:1.36", command: ["sh", "-c", script], workingDir: "/tmp" };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, annotations: keyed(map) },
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 20,
      containers: [{ ...main, ...container }],
      ...spec,
    },
  };
}

/**
 * The same as a Job, with the annotations on the Job.
 *
 * @param name - of the Job
 * @param map - its annotations, without the prefix
 * @param script - what the container `main` runs
 * @param spec - more fields of the Job's spec
 * @param pod - more fields of its Pods' spec
 */
export function jobOf(
  name: string,
  map: StepAnnotations = {},
  script = "true",
  spec: object = {},
  pod: Partial<V1PodSpec> = {},
): V1Job & { metadata: object } {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, annotations: keyed(map) },
    spec: { backoffLimit: 0, ...spec, template: { spec: podOf(name, {}, script, {}, pod).spec } },
  };
}

/**
 * An OrasCache as a user writes it.
 *
 * @param name - its name
 * @param spec - its spec; the API server fills in the defaults
 * @param metadata - more of its metadata
 */
export function cacheOf(
  name = "oras",
  spec: NonNullable<OrasCache["spec"]> = {},
  metadata: object = {},
): OrasCache {
  return new OrasCache({ metadata: { name, ...metadata }, spec });
}

/** The name of the container that pulls: there is an init container for that, or the one that pushes does it. */
export function pullerOf({ spec }: V1Pod): string {
  const hasInit = spec?.initContainers?.some(({ name }) => name === names.pullContainer);
  return hasInit ? names.pullContainer : names.pushContainer;
}

/** The state in which a container of a Pod ended. */
export function endOf(pod: V1Pod, container: string) {
  const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  return all.find((status) => status.name === container)?.state?.terminated;
}
