import type { V1Job, V1OwnerReference, V1Pod } from "@kubernetes/client-node";
import type { KubeClient } from "../kube/client.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { get, type KubeObject } from "../kube/objects.ts";
import { resources } from "../kube/resources.ts";
import type { StepPod } from "./step-pods.ts";

/** What telling of a step needs. */
interface Teller {
  readonly client: KubeClient;
  readonly publish: EventRecorder;
}

/**
 * Publishes Events about a Pod, and about its Job: the Pod may be gone before anybody looks.
 *
 * @param teller - see there
 * @param pod - of a step
 * @param notes - what to tell
 */
export async function tellStep(
  { client, publish }: Teller,
  pod: StepPod,
  notes: readonly EventNote[],
): Promise<void> {
  for (const note of notes) publish(pod, note);
  const job = await jobOf(client, pod);
  if (job) for (const note of notes) publish(job, note);
}

/**
 * The Job of a Pod. The API server checks neither owners nor labels: the Job must exist with that UID, and count the
 * Pod among its own.
 */
export async function jobOf(client: KubeClient, pod: V1Pod): Promise<(V1Job & KubeObject) | undefined> {
  const { namespace, ownerReferences = [], labels } = pod.metadata ?? {};
  const owner: V1OwnerReference | undefined = ownerReferences.find(
    ({ controller, kind, apiVersion }) => controller && kind === "Job" && apiVersion === "batch/v1",
  );
  if (owner === undefined || labels?.["batch.kubernetes.io/controller-uid"] !== owner.uid) return undefined;
  const job = await get<V1Job & KubeObject>(client, resources.jobs, {
    namespace: namespace ?? "",
    name: owner.name,
  });
  return job?.metadata?.uid === owner.uid ? job : undefined;
}
