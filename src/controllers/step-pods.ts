import type { V1Pod } from "@kubernetes/client-node";
import type { KubeObject } from "../kube/objects.ts";
import { isInjected } from "./outcomes.ts";

/** An injected Pod. */
export type StepPod = V1Pod & KubeObject;

/**
 * Keeps of an injected Pod what is looked at: a cluster may have thousands that have ended.
 *
 * @param pod - as the API server has it
 */
export function keepStep({ apiVersion, kind, metadata = {}, spec, status }: StepPod): StepPod {
  const { name, namespace, uid, resourceVersion, ownerReferences, labels, deletionTimestamp } = metadata;
  const { phase, containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  const ended = (all: typeof containerStatuses) => all.filter(({ state }) => state?.terminated !== undefined);
  const injected = (all: NonNullable<typeof spec>["containers"] = []) =>
    all.filter(isInjected).map(({ name, volumeMounts = [] }) => ({ name, volumeMounts }));
  return {
    ...(apiVersion ? { apiVersion } : {}),
    ...(kind ? { kind } : {}),
    metadata: {
      ...{ name, namespace, uid, resourceVersion, ownerReferences, labels, deletionTimestamp },
    } as NonNullable<StepPod["metadata"]>,
    spec: { containers: injected(spec?.containers), initContainers: injected(spec?.initContainers) },
    status: {
      ...(phase ? { phase } : {}),
      containerStatuses: ended(containerStatuses),
      initContainerStatuses: ended(initContainerStatuses),
    },
  };
}
