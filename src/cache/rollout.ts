import type { V1StatefulSet } from "@kubernetes/client-node";

/**
 * Whether every Pod of a StatefulSet is ready, and of its latest revision unless that waits for the Pods to go.
 *
 * @param statefulSet - with its status
 */
export function isRolledOut(statefulSet: V1StatefulSet | undefined): boolean {
  if (!statefulSet?.status) return false;
  const { status, spec, metadata } = statefulSet;
  const wanted = spec?.replicas ?? 1;
  return (
    (status.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    (status.readyReplicas ?? 0) >= wanted &&
    (isOnDelete(statefulSet) ||
      ((status.updatedReplicas ?? 0) >= wanted && status.currentRevision === status.updateRevision))
  );
}

/**
 * Whether Pods run that are not of the latest revision, and stay until somebody deletes them.
 *
 * @param statefulSet - with its status
 */
export function isUpdatePending(statefulSet: V1StatefulSet | undefined): boolean {
  const { replicas = 0, updatedReplicas = 0, currentRevision, updateRevision } = statefulSet?.status ?? {};
  return isOnDelete(statefulSet) && currentRevision !== updateRevision && updatedReplicas < replicas;
}

function isOnDelete(statefulSet: V1StatefulSet | undefined): boolean {
  return statefulSet?.spec?.updateStrategy?.type === "OnDelete";
}
