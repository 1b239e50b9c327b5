/** What is known of a container that has run, as its status says it. */
export interface RanContainer {
  readonly name: string;
  readonly imageID?: string | undefined;
  /** How often it was started again in its Pod. */
  readonly restartCount?: number | undefined;
}

/**
 * Whether containers ran the images that are in the key. A container runtime names an image by what was asked for, the index or
 * the manifest, where it pulled it, and by its configuration where it was loaded.
 *
 * @param containers - of the step, with their images as they are written
 * @param images - by which each image may be known; one that is not there was vouched for
 * @param ran - statuses of all attempts
 * @returns undefined, or what ran instead, in a sentence
 */
export function whatElseRan(
  containers: readonly { readonly name: string; readonly image?: string | undefined }[],
  images: ReadonlyMap<string, readonly string[]>,
  ran: readonly RanContainer[],
): string | undefined {
  for (const { name, image = "" } of containers) {
    const digests = images.get(image);
    if (digests === undefined) continue;
    const attempts = ran.filter((one) => one.name === name);
    if (attempts.length === 0) return `it is not known what the container ${name} ran`;
    const other = attempts.find(({ imageID = "" }) => !digests.includes(imageID.replace(/^.*@/s, "")));
    if (other) return `the container ${name} ran ${other.imageID || "an unknown image"}, not ${digests[0]}`;
    // The kubelet names the image of the last start alone.
    const restarted = attempts.some(({ restartCount = 0 }) => restartCount > 0);
    if (restarted && !image.includes("@"))
      return `the container ${name} was started again, and its tag may have been another image before; its image has to be named by its digest`;
  }
  return undefined;
}
