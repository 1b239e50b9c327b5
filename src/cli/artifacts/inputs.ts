/** A name that a digest has. */
export interface Tagged {
  readonly repository: string;
  readonly tag: string;
  /** When it got it, where that is known. */
  readonly pushed?: Date | undefined;
}

/** What an artifact was made from. */
export interface From {
  readonly digest: string;
  /** What it is called; undefined where it has no name. */
  readonly artifact?: string;
  /** How many other names the same bytes have, any of which may be the one that was read. */
  readonly others?: number;
}

/**
 * What the inputs of an artifact are called. Steps that make the same bytes make one digest with several names: then one with the
 * artifact's own tag is of its run, else which was read is not known, and the latest is told that was there when it was made.
 *
 * @param digests - of the inputs
 * @param of - the artifact
 * @param tagged - the names of digests
 */
export function fromOf(
  digests: readonly string[],
  of: Pick<Tagged, "tag" | "pushed">,
  tagged: ReadonlyMap<string, readonly Tagged[]>,
): From[] {
  return digests.map((digest) => {
    const all = tagged.get(digest) ?? [];
    const ofRun = all.filter(({ tag }) => tag === of.tag);
    const pool = ofRun.length > 0 ? ofRun : all;
    const [first] = pool.toSorted((a, b) => later(of, b) - later(of, a));
    if (first === undefined) return { digest };
    const others = pool.length - 1;
    return { digest, artifact: `${first.repository}:${first.tag}`, ...(others > 0 && { others }) };
  });
}

/** Of what was not there yet nothing was read. */
function later({ pushed: made }: Pick<Tagged, "pushed">, { pushed }: Tagged): number {
  if (pushed === undefined) return 0;
  return made === undefined || pushed <= made ? pushed.getTime() : -pushed.getTime();
}
