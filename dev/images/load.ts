import type { Cluster } from "../cluster/cluster.ts";
import { step } from "../cluster/progress.ts";
import type { Built } from "./archives.ts";

/**
 * Makes images known to a cluster's nodes, those that it does not have yet.
 *
 * @param cluster - where to
 * @param images - what
 * @returns short names of those that were loaded
 */
export async function loadAll(cluster: Cluster, images: readonly Built[]): Promise<string[]> {
  const loaded: string[] = [];
  for (const { id, names, archive } of images) {
    if (await cluster.has(archive)) continue;
    await step(`load ${id}`, () => cluster.load(archive, names));
    loaded.push(id);
  }
  return loaded;
}
