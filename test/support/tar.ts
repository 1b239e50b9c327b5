import { gzipSync } from "node:zlib";

/** A member of a tar, as hostile as it likes. */
export interface Member {
  /** POSIX ustar: 0 file, 1 hard link, 2 link, 3 character device, 4 block device, 5 directory, 6 pipe. */
  readonly type: "0" | "1" | "2" | "3" | "4" | "5" | "6";
  /** At most 100 bytes. */
  readonly name: string;
  readonly target?: string;
  readonly content?: string;
}

/**
 * Packs members as they are: no tar program would write some of them.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html "ustar Interchange Format"
 */
export function packTar(members: readonly Member[]): Buffer {
  return gzipSync(Buffer.concat([...members.map(packMember), Buffer.alloc(1024)]));
}

function packMember({ type, name, target = "", content = "" }: Member): Buffer {
  const body = type === "0" ? Buffer.from(content) : Buffer.alloc(0);
  const header = Buffer.alloc(512);
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, "0")}\0`;
  header.write(name, 0, 100);
  header.write(octal(type === "5" ? 0o755 : 0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(body.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write(" ".repeat(8), 148);
  header.write(type, 156);
  header.write(target, 157, 100);
  header.write("ustar\x0000", 257);
  // Of /dev/null and /dev/full: harmless, should one be made.
  header.write(octal(1, 8), 329);
  header.write(octal(3, 8), 337);
  header.write(
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    ),
    148,
  );
  const padding = Buffer.alloc((512 - (body.length % 512)) % 512);
  return Buffer.concat([header, body, padding]);
}
