import type { V1Job, V1Pod } from "@kubernetes/client-node";
import type { KubeClient } from "../kube/client.ts";
import { listed } from "../kube/list.ts";
import { resources } from "../kube/resources.ts";
import { inputsOfJob, inputsOfPod } from "../retention/step-inputs.ts";

/**
 * The inputs of all steps of a namespace that have not ended, as the API server has them at this moment: what a watch has
 * not told yet must not be deleted.
 *
 * @param client - of the API server
 * @param namespace - which
 * @param signal - ends the wait
 */
export async function stepInputs(
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<Set<string>> {
  const found = new Set<string>();
  // Pods last: one that a Job makes meanwhile has the inputs of the Job.
  for await (const job of listed<V1Job>(client, resources.jobs, { namespace, signal }))
    for (const input of inputsOfJob(job)) found.add(input);
  for await (const pod of listed<V1Pod>(client, resources.pods, { namespace, signal }))
    for (const input of inputsOfPod(pod)) found.add(input);
  return found;
}
