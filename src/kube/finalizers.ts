import type { KubeClient } from "./client.ts";
import { isStatus } from "./errors.ts";
import { type KubeObject, patchJson } from "./objects.ts";
import type { Resource } from "./resources.ts";

/** What Kubernetes itself puts on an object that is deleted with `--cascade=foreground`. */
export const foregroundDeletion = "foregroundDeletion";

/** What became of a change: somebody else may have changed the object meanwhile, and then nothing was written. */
export type FinalizersChange = "written" | "changed meanwhile" | "gone";

/**
 * Gives an object these finalizers, unless somebody has changed it since it was read.
 *
 * @param client - of the API server
 * @param resource - its kind
 * @param object - as it was read
 * @param finalizers - all that it is to have
 * @throws KubeError where the API server refuses or cannot answer
 */
export async function changeFinalizers(
  client: KubeClient,
  resource: Resource,
  { metadata }: KubeObject,
  finalizers: readonly string[],
): Promise<FinalizersChange> {
  const { namespace, name, uid, resourceVersion } = metadata ?? {};
  const operations = [
    { op: "test", path: "/metadata/uid", value: uid },
    { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
    { op: "add", path: "/metadata/finalizers", value: finalizers },
  ];
  try {
    await patchJson(client, resource, { namespace, name }, operations);
    return "written";
  } catch (error) {
    if (isStatus(error, 404)) return "gone";
    // 422 is a test of the patch that failed.
    if (isStatus(error, 409, 422)) return "changed meanwhile";
    throw error;
  }
}
