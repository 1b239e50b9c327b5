import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";

/**
 * Has a chart name images by their digests, unless values name others. The digests are no values: `helm upgrade
 * --reuse-values` would have the next chart run the images of this one.
 *
 * @param chart - its folder
 * @param digests - by the whole names of the images
 */
export async function pinImages(chart: string, digests: ReadonlyMap<string, string>): Promise<void> {
  await writeFile(join(chart, "files/digests.yaml"), stringify(Object.fromEntries(digests)));
}
