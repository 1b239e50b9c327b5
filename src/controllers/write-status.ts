import { identityOf } from "../cache/owner.ts";
import type { OrasCacheStatus, StoredOrasCache } from "../cache/types.ts";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import { apply, type KubeObject, patchJson } from "../kube/objects.ts";
import { resources } from "../kube/resources.ts";

/**
 * Writes a status, all but what memoization has forgotten: that is written as it happens, and nobody may write it as it was before. The UID keeps it from another cache of that name; the generation that it is about stands in it.
 *
 * @param client - of the API server
 * @param cache - whose
 * @param status - all of it: what is in none of its fields is taken away
 * @returns the cache's `resourceVersion` of then; undefined where it was changed or gone meanwhile: the watch tells of it, and another
 *   look follows
 */
export async function writeStatus(
  client: KubeClient,
  cache: StoredOrasCache,
  { memo: _, ...status }: OrasCacheStatus,
): Promise<string | undefined> {
  const { namespace, name, uid } = identityOf(cache);
  const object: KubeObject & { status: OrasCacheStatus } = { metadata: { namespace, name, uid }, status };
  try {
    const result = await apply(client, resources.orasCaches, object, "status");
    // An apply leaves what another way of writing set, such as the merge patches of an older operator.
    const left = Object.keys(result.status).filter(
      (field) => field !== "memo" && !Object.hasOwn(status, field),
    );
    if (left.length === 0) return result.metadata?.resourceVersion;
    const place = { namespace, name, subresource: "status" } as const;
    const cleaned = await patchJson(
      client,
      resources.orasCaches,
      place,
      left.map((field) => ({ op: "remove", path: `/status/${field}` })),
    );
    return cleaned.metadata?.resourceVersion;
  } catch (error) {
    if (!isStatus(error, 404, 409)) throw error;
    return undefined;
  }
}
