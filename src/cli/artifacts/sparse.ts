import type { Entry, Extent } from "./tar-read.ts";

/** Bytes of a file, and where in it they belong. */
export interface Placed {
  readonly part: Buffer;
  readonly offset: number;
}

/**
 * The content of a file with the places of its pieces: one after the other, or as the map of a sparse file says.
 *
 * @param entry - a file
 */
export async function* placed({
  content,
  extents,
}: Pick<Entry, "content" | "extents">): AsyncGenerator<Placed> {
  if (extents !== undefined) {
    yield* byMap(content, extents);
    return;
  }
  let offset = 0;
  for await (const part of content) {
    yield { part, offset };
    offset += part.length;
  }
}

async function* byMap(content: AsyncIterable<Buffer>, extents: readonly Extent[]): AsyncGenerator<Placed> {
  // Empty ones only say how long the file is.
  const filled = extents.filter(({ length }) => length > 0).values();
  let extent = filled.next().value;
  let used = 0;
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length && extent !== undefined; ) {
      const part = chunk.subarray(at, at + extent.length - used);
      yield { part, offset: extent.offset + used };
      at += part.length;
      used += part.length;
      if (used < extent.length) continue;
      extent = filled.next().value;
      used = 0;
    }
  }
}
