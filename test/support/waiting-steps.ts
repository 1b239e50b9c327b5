import { names } from "../../schema/names.ts";
import type { KubeObject } from "../../src/kube/objects.ts";

const labels = { [names.injectedLabel]: "true", [names.waitingLabel]: "true", app: "x" };
const annotations = {
  [names.waitingForAnnotation]: "[]",
  [names.kueueGatesAnnotation]: `example.com/data, ${names.inputsGate}`,
  theirs: "kept",
};
const containers = [
  { name: "main", image: "x:1", command: ["run"], resources: { requests: { cpu: "100m" } } },
];

/** Metadata and spec that differ from those of a step that waits. */
interface Differences {
  readonly metadata?: object;
  readonly spec?: object;
}

/**
 * A Pod that waits for its inputs, behind the operator's gate and one of somebody else.
 *
 * @param name - of the Pod
 * @param differences - fields that replace those of the metadata and of the spec
 */
export function waitingPod(name: string, { metadata, spec }: Differences = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      labels,
      annotations: { ...annotations, [names.gateAnnotation]: "pod" },
      ...metadata,
    },
    spec: {
      restartPolicy: "Never",
      schedulingGates: [{ name: "example.com/quota" }, { name: names.inputsGate }],
      containers,
      ...spec,
    },
  } as KubeObject;
}

/** A Job that the operator suspended until its inputs are there; see waitingPod. */
export function waitingJob(name: string, { metadata, spec }: Differences = {}): KubeObject {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      labels,
      annotations: { ...annotations, [names.gateAnnotation]: "suspend" },
      ...metadata,
    },
    spec: {
      suspend: true,
      completions: 2,
      parallelism: 1,
      template: {
        metadata: { labels: { [names.injectedLabel]: "true" }, annotations: { theirs: "kept" } },
        spec: { restartPolicy: "Never", containers },
      },
      ...spec,
    },
  } as KubeObject;
}
