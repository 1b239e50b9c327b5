import { Source } from "./source.ts";

/** Of a frame, and of one that is to be skipped: the last four bits are anything. */
const magic = 0xfd2fb528;
const skippable = 0x184d2a50;
const checksumBytes = 4;
export const magicBytes = 4;

/** Whether a stream that begins so is one of zstd. */
export function isZstd(head: Buffer): boolean {
  if (head.length < magicBytes) return false;
  const number = head.readUInt32LE();
  return number === magic || isSkippable(number);
}

function isSkippable(number: number): boolean {
  return (number & ~0xf) >>> 0 === skippable;
}

/**
 * The frames of a zstd stream, each as its bytes: Node's decompressor ends with the first one, and
 * programs that compress on several cores write more.
 * Each is to be read to its end before the next.
 *
 * @param from - the stream
 * @throws Error where it is none
 * @see https://www.rfc-editor.org/rfc/rfc8878#section-3.1
 */
export async function* zstdFrames(from: AsyncIterable<Buffer>): AsyncGenerator<AsyncGenerator<Buffer>> {
  const source = new Source(from);
  for (;;) {
    const start = await source.exactly(magicBytes);
    if (start.length === 0) return;
    const number = start.length === magicBytes ? start.readUInt32LE() : 0;
    if (number === magic) yield frame(source, start);
    else if (isSkippable(number)) {
      const size = (await exactly(source, 4)).readUInt32LE();
      for await (const _ of content(source, size));
    } else throw damaged();
  }
}

async function* frame(source: Source, start: Buffer): AsyncGenerator<Buffer> {
  yield start;
  const descriptor = await exactly(source, 1);
  yield descriptor;
  const flags = descriptor[0] ?? 0;
  const rest = headerBytes(flags);
  if (rest > 0) yield await exactly(source, rest);
  for (let isLast = false; !isLast; ) {
    const header = await exactly(source, 3);
    yield header;
    const block = header.readUIntLE(0, 3);
    isLast = (block & 1) === 1;
    const isRepeated = ((block >> 1) & 3) === 1;
    yield* content(source, isRepeated ? 1 : block >> 3);
  }
  if ((flags & 4) !== 0) yield await exactly(source, checksumBytes);
}

/** What follows the descriptor: window, dictionary, size of the content. */
function headerBytes(flags: number): number {
  const isSingle = (flags & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][flags & 3] ?? 0;
  const size = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  return (isSingle ? 0 : 1) + dictionary + size;
}

async function* content(source: Source, size: number): AsyncGenerator<Buffer> {
  for (let left = size; left > 0; ) {
    const part = await source.some(left);
    if (part.length === 0) throw damaged();
    left -= part.length;
    yield part;
  }
}

async function exactly(source: Source, count: number): Promise<Buffer> {
  const found = await source.exactly(count);
  if (found.length < count) throw damaged();
  return found;
}

function damaged(): Error {
  return Object.assign(new Error("its zstd stream is damaged"), { code: "ZSTD_error_corruption_detected" });
}
