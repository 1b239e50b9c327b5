/** As the agent writes them: 1980-02-01, because zip files within cannot hold an earlier time in any time zone. */
const fixedTime = 318_211_200;
const blockBytes = 512;
const longestName = 100;
/** What eleven octal digits hold. */
const largestOctal = 8 ** 11 - 1;
const kinds = { file: "0", link: "2", folder: "5" } as const;

/** An entry that is to be written. Names are bytes as characters (latin1). */
export interface NewEntry {
  /** Clean; of a folder without the slash at its end. */
  readonly name: string;
  readonly kind: keyof typeof kinds;
  readonly mode: number;
  readonly size: number;
  readonly link: string;
}

/** Two blocks of zeros. */
export const endOfTar = Buffer.alloc(2 * blockBytes);

/** What fills the last block of a content. */
export function paddingOf(size: number): Buffer {
  return Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);
}

/**
 * The header of an entry. What a plain header does not hold stands in an extended one before it, so that the plainest
 * readers understand plain trees.
 *
 * @param entry - to be written
 */
export function headerOf(entry: NewEntry): Buffer {
  const name = entry.kind === "folder" ? `${entry.name}/` : entry.name;
  const size = entry.kind === "file" ? entry.size : 0;
  const records = [
    ...(name.length > longestName ? [["path", name]] : []),
    ...(entry.link.length > longestName ? [["linkpath", entry.link]] : []),
    ...(size > largestOctal ? [["size", String(size)]] : []),
  ] as [string, string][];
  const plain = block(name, kinds[entry.kind], entry.mode, size > largestOctal ? 0 : size, entry.link);
  if (records.length === 0) return plain;
  const text = records.some(([key, value]) => key !== "size" && !isUtf8(value))
    ? [["hdrcharset", "BINARY"] as [string, string], ...records]
    : records;
  const body = Buffer.from(text.map(([key, value]) => record(key, value)).join(""), "latin1");
  return Buffer.concat([
    block("PaxHeaders.0/x", "x", 0o644, body.length, ""),
    body,
    paddingOf(body.length),
    plain,
  ]);
}

function isUtf8(bytes: string): boolean {
  const raw = Buffer.from(bytes, "latin1");
  return Buffer.from(raw.toString()).equals(raw);
}

/** Its length counts itself. */
function record(key: string, value: string): string {
  const body = ` ${key}=${value}\n`;
  let length = body.length;
  while (length !== body.length + String(length).length) length = body.length + String(length).length;
  return `${length}${body}`;
}

function block(name: string, kind: string, mode: number, size: number, link: string): Buffer {
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, digits: number, at: number) =>
    header.write(value.toString(8).padStart(digits, "0"), at, "latin1");
  header.write(name.slice(0, longestName), 0, "latin1");
  octal(mode & 0o777, 7, 100);
  octal(0, 7, 108);
  octal(0, 7, 116);
  octal(size, 11, 124);
  octal(fixedTime, 11, 136);
  header.write(" ".repeat(8), 148, "latin1");
  header.write(kind, 156, "latin1");
  header.write(link.slice(0, longestName), 157, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}
