import { Source } from "./source.ts";

/** What stands at the end of an archive is read too, so that its digest can be taken. */
const blockBytes = 512;
/** Of all extended headers of one entry, names of 4 KiB among them, and of the map of a sparse file. */
const longestHeader = 2 ** 20;

/** A tar that cannot be read, or is not whole. */
export class TarError extends Error {
  override readonly name = "TarError";
}

/** A piece of a sparse file that holds data. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** An entry of an archive. Names are bytes as characters (latin1): they need not be UTF-8. */
export interface Entry {
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "hardLink" | "other";
  readonly mode: number;
  /** Of the file as it will be. */
  readonly size: number;
  /** Target of a link. */
  readonly link: string;
  /** What the content holds of a sparse file; undefined for all of it. */
  readonly extents?: readonly Extent[];
  /** The content, to be read before the next entry; what is left is skipped. */
  readonly content: AsyncGenerator<Buffer>;
}

/**
 * Reads a tar: ustar, pax and GNU tar's long names and sparse files (format 1.0 of pax archives).
 *
 * @param from - the archive, unpacked
 * @throws TarError where it is none
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html
 */
export async function* readTar(from: AsyncIterable<Buffer>): AsyncGenerator<Entry> {
  const source = new Source(from);
  let extended = new Map<string, string>();
  let extendedBytes = 0;
  for (let header = await nextHeader(source); header !== undefined; header = await nextHeader(source)) {
    if (aboutNext.includes(header.kind)) {
      // Together: each of them may be short, and there may be any number of them.
      extendedBytes += blockBytes + header.size;
      if (extendedBytes > longestHeader) {
        throw new TarError("an entry of the archive has extended headers that are too long");
      }
      for (const [key, value] of attributesIn(header.kind, await whole(source, header.size))) {
        extended.set(key, value);
      }
      continue;
    }
    yield* readEntry(source, header, extended);
    extended = new Map();
    extendedBytes = 0;
  }
  // What follows is read, for the digest.
  while ((await source.some(2 ** 20)).length > 0);
}

/** Headers that say more of the next entry, and one that says something of all. */
const aboutNext = ["x", "L", "K", "g"];

/** Two blocks of zeros end an archive; some programs write none. */
async function nextHeader(source: Source): Promise<Header | undefined> {
  const block = await source.exactly(blockBytes);
  return block.every((byte) => byte === 0) ? undefined : readHeader(block);
}

function attributesIn(kind: string, body: Buffer): Map<string, string> {
  if (kind === "x") return readRecords(body);
  if (kind === "L") return new Map([["path", cString(body)]]);
  if (kind === "K") return new Map([["linkpath", cString(body)]]);
  return new Map();
}

async function* readEntry(
  source: Source,
  header: Header,
  extended: ReadonlyMap<string, string>,
): AsyncGenerator<Entry> {
  const stored = sizeIn(extended.get("size")) ?? header.size;
  const hasContent = isFile(header.kind);
  let left = hasContent ? stored : 0;
  const isSparse = extended.get("GNU.sparse.major") === "1" && extended.get("GNU.sparse.minor") === "0";
  if (!isSparse && [...extended.keys()].some((key) => key.startsWith("GNU.sparse."))) {
    throw new TarError("the archive has a sparse file of an old format of GNU tar");
  }
  const size = sizeIn(extended.get("GNU.sparse.realsize")) ?? stored;
  let extents: Extent[] | undefined;
  if (isSparse) {
    const map = await readMap(source, left);
    extents = map.extents;
    left -= map.bytes;
    checkMap(extents, left, size);
  }
  const padding = (blockBytes - ((hasContent ? stored : 0) % blockBytes)) % blockBytes;
  async function* content(): AsyncGenerator<Buffer> {
    while (left > 0) {
      const part = await source.some(left);
      if (part.length === 0) throw new TarError("the archive ends in the middle of a file");
      left -= part.length;
      yield part;
    }
  }
  yield {
    name: extended.get("GNU.sparse.name") ?? extended.get("path") ?? header.name,
    kind: kinds[header.kind] ?? (isFile(header.kind) ? "file" : "other"),
    mode: header.mode & 0o777,
    size,
    link: extended.get("linkpath") ?? header.link,
    ...(extents === undefined ? {} : { extents }),
    content: content(),
  };
  for await (const _ of content());
  await whole(source, padding, 0);
}

const kinds: Readonly<Record<string, Entry["kind"]>> = { "1": "hardLink", "2": "link", "5": "folder" };

/** Devices and pipes have no content; what is unknown is read as a file, as POSIX says. */
function isFile(kind: string): boolean {
  return !["1", "2", "3", "4", "5", "6"].includes(kind);
}

interface Header {
  readonly name: string;
  readonly kind: string;
  readonly mode: number;
  readonly size: number;
  readonly link: string;
}

function readHeader(block: Buffer): Header {
  const sum = numberIn(block.subarray(148, 156));
  const isUstar = block.toString("latin1", 257, 262) === "ustar";
  const ours = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  if (block.length < blockBytes || sum !== ours) throw new TarError("it is not a tar archive, or is damaged");
  const isPosix = isUstar && block[263] === 0x30;
  const prefix = isPosix ? cString(block.subarray(345, 500)) : "";
  const name = cString(block.subarray(0, 100));
  const kind = String.fromCharCode(block[156] ?? 0x30);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    // Before POSIX, a folder was a file whose name ends in a slash.
    kind: (kind === "\0" || kind === "0") && name.endsWith("/") ? "5" : kind,
    mode: numberIn(block.subarray(100, 108)),
    size: numberIn(block.subarray(124, 136)),
    link: cString(block.subarray(157, 257)),
  };
}

/** Octal, or GNU's binary form for large numbers. */
function numberIn(field: Buffer): number {
  const first = field[0] ?? 0;
  if (first & 0x80) {
    const value = field.subarray(1).reduce((total, byte) => total * 256 + byte, first & 0x7f);
    return checked(value);
  }
  const text = cString(field).trim();
  if (text === "") return 0;
  if (!/^[0-7]+$/.test(text)) throw new TarError("it is not a tar archive, or is damaged");
  return checked(Number.parseInt(text, 8));
}

function checked(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new TarError("a number in the archive is too large");
  return value;
}

function sizeIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,16}$/.test(text)) throw new TarError("a size in the archive is no number");
  return checked(Number(text));
}

function cString(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString("latin1", 0, end < 0 ? field.length : end);
}

/** Records of a pax header: `LENGTH KEY=VALUE\n`, the length counting itself. */
function readRecords(body: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const length = Number(body.toString("latin1", at, Math.max(space, at)));
    const end = at + length;
    if (
      space < 0 ||
      !Number.isSafeInteger(length) ||
      length < 5 ||
      end > body.length ||
      body[end - 1] !== 0x0a
    ) {
      throw new TarError("an extended header of the archive is damaged");
    }
    const record = body.toString("latin1", space + 1, end - 1);
    const equals = record.indexOf("=");
    found.set(record.slice(0, equals), record.slice(equals + 1));
    at = end;
  }
  return found;
}

async function whole(
  source: Source,
  size: number,
  padding = (blockBytes - (size % blockBytes)) % blockBytes,
) {
  const body = await source.exactly(size + padding);
  if (body.length < size) throw new TarError("the archive ends early");
  return body.subarray(0, size);
}

/** The map of a sparse file stands before its data: decimal numbers, each on a line, filled up to whole blocks. */
async function readMap(source: Source, size: number): Promise<{ extents: Extent[]; bytes: number }> {
  const numbers: string[] = [];
  let rest = "";
  let bytes = 0;
  let wanted = 1;
  while (numbers.length < wanted) {
    if (bytes + blockBytes > Math.min(size, longestHeader)) throw damagedMap();
    const lines = (rest + (await whole(source, blockBytes, 0)).toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    numbers.push(...lines);
    bytes += blockBytes;
    wanted = 1 + 2 * (sizeIn(numbers[0]) ?? 0);
  }
  const extents: Extent[] = [];
  for (let i = 1; i < wanted; i += 2) {
    extents.push({ offset: sizeIn(numbers[i]) ?? 0, length: sizeIn(numbers[i + 1]) ?? 0 });
  }
  return { extents, bytes };
}

function damagedMap(): TarError {
  return new TarError("the map of a sparse file in the archive is damaged");
}

/** The pieces follow each other, and are what the content has. */
function checkMap(extents: readonly Extent[], content: number, size: number): void {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of extents) {
    if (offset < end) throw damagedMap();
    end = offset + length;
    sum += length;
  }
  if (end > size || sum !== content) throw damagedMap();
}
