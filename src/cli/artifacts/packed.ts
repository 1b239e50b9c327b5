import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { Source } from "./source.ts";
import { isZstd, magicBytes, zstdFrames } from "./zstd-frames.ts";

/**
 * The tar of a folder's blob: in gzip or zstd, which its first bytes tell.
 *
 * @param blob - its bytes, verified at their end
 */
export async function* unpacked(blob: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const source = new Source(blob);
  const head = await source.exactly(magicBytes);
  const whole = joined(head, source);
  if (isZstd(head))
    for await (const frame of zstdFrames(whole)) yield* through(frame, createZstdDecompress());
  else yield* through(whole, createGunzip());
}

async function* joined(head: Buffer, source: Source): AsyncGenerator<Buffer> {
  yield head;
  for (let part = await source.some(longestPart); part.length > 0; part = await source.some(longestPart))
    yield part;
}

const longestPart = 2 ** 20;

async function* through(bytes: AsyncIterable<Buffer>, opened: Transform): AsyncGenerator<Buffer> {
  const feeding = pipeline(Readable.from(bytes), opened);
  // Awaited below; until then nobody is to miss it.
  feeding.catch(() => undefined);
  try {
    yield* opened as AsyncIterable<Buffer>;
  } catch (error) {
    // What broke the blob says more than that the stream ended.
    await feeding;
    throw error;
  }
  await feeding;
}
