import {
  constants,
  createReadStream,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  type Stats,
  statSync,
} from "node:fs";
import { basename, resolve } from "node:path";
import { visible } from "../../annotations/problems.ts";
import { exits } from "../exits.ts";
import { CliError, reasonOf } from "../output.ts";
import { bytesOf } from "./move.ts";
import { depthOf, staysInside } from "./paths.ts";
import { endOfTar, headerOf, type NewEntry, paddingOf } from "./tar-write.ts";

/** A folder or file that becomes a layer. */
export interface Source {
  /** Its path, absolute. */
  readonly path: string;
  /** The name that it has in the artifact. */
  readonly title: string;
  readonly isFolder: boolean;
  readonly mode: number;
  /** Bytes of its files. */
  readonly bytes: number;
  /** Of a folder, in order. */
  readonly entries: readonly NewEntry[];
  /** What is left out, for a line each. */
  readonly skipped: readonly string[];
}

/**
 * Looks at what is to be packed, before anything is sent.
 *
 * @param path - of a folder or a file; a folder with `/.` at its end stands for its contents
 * @throws CliError where it cannot be read, or has a link that leads out of it
 */
export function lookAt(path: string): Source {
  const whole = resolve(path);
  const status = read(() => statSync(whole), path);
  const title = /(?:^|\/)\.\/?$/.test(path) ? "." : basename(whole);
  const common = { path: whole, title, mode: status.mode & 0o777 };
  if (status.isFile()) return { ...common, isFolder: false, bytes: status.size, entries: [], skipped: [] };
  if (!status.isDirectory()) {
    throw new CliError(`${path}: it is neither a file nor a folder.`, exits.usage);
  }
  const top = title === "." ? "" : Buffer.from(title).toString("latin1");
  const entries: NewEntry[] = top === "" ? [] : [entryOf(top, status, "")];
  const skipped: string[] = [];
  collect({ folder: whole, top, entries, skipped });
  const bytes = entries.reduce((sum, { size }) => sum + size, 0);
  return { ...common, isFolder: true, bytes, entries, skipped };
}

/** What is found of a folder. */
interface Found {
  /** The folder itself, absolute. */
  readonly folder: string;
  /** What all names in the archive begin with; empty for none. */
  readonly top: string;
  readonly entries: NewEntry[];
  readonly skipped: string[];
}

function collect(found: Found, below = ""): void {
  const { folder } = found;
  const names = read(() => readdirSync(bytesOf(folder, below), { encoding: "latin1" }), folder);
  for (const name of names.sort()) addTo(found, below === "" ? name : `${below}/${name}`);
}

function addTo(found: Found, path: string): void {
  const { folder, top, entries, skipped } = found;
  const place = bytesOf(folder, path);
  const shown = visible(place.toString());
  const stats = read(() => lstatSync(place), shown);
  const name = top === "" ? path : `${top}/${path}`;
  if (stats.isSymbolicLink()) {
    const link = readlinkSync(place, { encoding: "latin1" });
    if (!staysInside(depthOf(path) - 1, link)) throw leadsOut(shown, link);
    entries.push(entryOf(name, stats, link));
  } else if (stats.isDirectory()) {
    entries.push(entryOf(name, stats, ""));
    collect(found, path);
  } else if (stats.isFile()) entries.push(entryOf(name, stats, ""));
  else skipped.push(shown);
}

function leadsOut(shown: string, link: string): CliError {
  const target = visible(Buffer.from(link, "latin1").toString());
  return new CliError(
    `${shown} is a link to ${target}, outside of the folder: nobody who gets the artifact would have that. Replace it by what it stands for (cp -L), or remove it.`,
    exits.failed,
  );
}

function entryOf(name: string, stats: Stats, link: string): NewEntry {
  const kind = stats.isDirectory() ? "folder" : stats.isSymbolicLink() ? "link" : "file";
  return { name, kind, mode: stats.mode & 0o777, size: kind === "file" ? stats.size : 0, link };
}

function read<T>(look: () => T, path: string): T {
  try {
    return look();
  } catch (error) {
    throw new CliError(`${path}: ${reasonOf(error)}.`, exits.usage, { cause: error });
  }
}

/**
 * The tar of a folder.
 *
 * @param source - the folder
 * @param onBytes - told of each piece of a file
 */
export async function* tarOf(source: Source, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  const prefix = source.title === "." ? 0 : Buffer.from(source.title).length + 1;
  for (const entry of source.entries) {
    yield headerOf(entry);
    if (entry.kind !== "file") continue;
    let size = 0;
    const path = bytesOf(source.path, entry.name.slice(prefix));
    for await (const chunk of readFile(path)) {
      size += chunk.length;
      if (size > entry.size) break;
      onBytes(chunk.length);
      yield chunk;
    }
    if (size !== entry.size) {
      const message = `${visible(path.toString())} changed while it was read: something still writes to it. Try again when that is done.`;
      throw new CliError(message, exits.failed);
    }
    yield paddingOf(size);
  }
  yield endOfTar;
}

/** A file that is replaced by a link or a pipe meanwhile is not followed and not waited for. */
async function* readFile(path: Buffer): AsyncGenerator<Buffer> {
  const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY } = constants;
  const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  yield* createReadStream("", { fd: file, highWaterMark: 2 ** 18 });
}
