import type { V1Namespace } from "@kubernetes/client-node";
import type { KubeClient } from "../kube/client.ts";
import { get, type KubeObject } from "../kube/objects.ts";
import { resources } from "../kube/resources.ts";

/**
 * Whether the namespace of an object is being deleted, or gone.
 *
 * @param client - of the API server
 * @param object - in the namespace
 */
export async function namespaceGoes(client: KubeClient, { metadata }: KubeObject): Promise<boolean> {
  const found = await get<V1Namespace & KubeObject>(client, resources.namespaces, {
    name: metadata?.namespace,
  });
  return found === undefined || found.metadata?.deletionTimestamp !== undefined;
}
