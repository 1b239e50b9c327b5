import type { V1Pod } from "@kubernetes/client-node";
import type { CacheName } from "../cache/access.ts";
import { selectorLabels } from "../cache/labels.ts";
import { identityOf } from "../cache/owner.ts";
import { isReady, isStarting } from "../cache/pods.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import type { KubeClient } from "../kube/client.ts";
import { listed } from "../kube/list.ts";
import { resources } from "../kube/resources.ts";

/**
 * A ready Pod of a registry whose keeper is to be asked. Keepers of one volume have a lock there; a bucket has none, so that of
 * the first Pod alone works on it: of a StatefulSet there is never more than one of a name.
 *
 * @param client - of the API server
 * @param cache - whose
 * @param signal - ends the wait
 */
export async function firstPod(
  client: KubeClient,
  cache: StoredOrasCache,
  signal: AbortSignal,
): Promise<V1Pod | undefined> {
  for await (const pod of candidates(client, cache, signal)) if (isReady(pod)) return pod;
  return undefined;
}

/**
 * Whether there is no such Pod because one has just begun or is just being replaced, so that there is about to be one.
 *
 * @param client - of the API server
 * @param cache - whose
 * @param signal - ends the wait
 */
export async function isOnlyStarting(
  client: KubeClient,
  cache: StoredOrasCache,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const pod of candidates(client, cache, signal)) if (isStarting(pod, client.now())) return true;
  return false;
}

async function* candidates(
  client: KubeClient,
  cache: StoredOrasCache,
  signal: AbortSignal,
): AsyncGenerator<V1Pod> {
  const id = identityOf(cache);
  const isInS3 = cache.spec.storage?.s3 !== undefined;
  for await (const pod of registryPods(client, id, signal))
    if (!isInS3 || pod.metadata?.name === `${id.name}-0`) yield pod;
}

/**
 * All Pods of a registry, as the API server has them at this moment.
 *
 * @param client - of the API server
 * @param cache - whose
 * @param signal - ends the wait
 */
export function registryPods(
  client: KubeClient,
  { namespace, name }: CacheName,
  signal: AbortSignal,
): AsyncGenerator<V1Pod> {
  const labels = Object.entries(selectorLabels(name)).map(([label, value]) => `${label}=${value}`);
  return listed<V1Pod>(client, resources.pods, { namespace, labelSelector: labels.join(","), signal });
}
