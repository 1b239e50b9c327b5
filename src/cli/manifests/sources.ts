import { createReadStream } from "node:fs";
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { CliError, reasonOf } from "../output.ts";
import { fetchText, isUrl, shownUrl } from "./fetch.ts";
import { textOf } from "./text.ts";

/** The text of one file, URL or standard input. */
export interface Source {
  /** As the user would name it: a path, a URL, or `-`. */
  readonly file: string;
  /** Empty where it cannot be read. */
  readonly text: string;
  /** Why a file of a folder cannot be read, as a sentence. */
  readonly unread?: string;
  /** Whether it was named itself, and not found in a folder. */
  readonly named: boolean;
}

/**
 * Reads what `-f` names, in order; each file once, wherever it is named again.
 *
 * @param places - paths, URLs, or `-`
 * @throws CliError (exit code 2) when one that was named cannot be read, or a folder has no manifest in it
 */
export async function readSources(places: readonly string[]): Promise<Source[]> {
  if (places.filter((place) => place === "-").length > 1) {
    throw new CliError("-f - is given twice, and standard input can be read once.", 2);
  }
  const files = await once((await Promise.all(places.map(filesAt))).flat());
  const sources: Source[] = [];
  // One after the other: the first that was named and cannot be read ends the command.
  for (const { file, named } of files) {
    sources.push(
      named
        ? { file: isUrl(file) ? shownUrl(file) : file, named, text: await readOne(file) }
        : { file, named, ...(await readFound(file)) },
    );
  }
  return sources;
}

/** A file that is to be read, and whether it was named itself. */
type Named = Pick<Source, "file" | "named">;

/** Each file where it comes first, by the path without symbolic links. */
async function once(files: readonly Named[]): Promise<Named[]> {
  const paths = await Promise.all(
    files.map(({ file }) => (file === "-" || isUrl(file) ? file : realpath(file).catch(() => file))),
  );
  const groups = Map.groupBy(files.keys(), (i) => paths[i]);
  return [...groups.values()].flatMap((same) => {
    const again = same.flatMap((i) => files[i] ?? []);
    return again.slice(0, 1).map(({ file }) => ({ file, named: again.some(({ named }) => named) }));
  });
}

async function filesAt(place: string): Promise<Named[]> {
  if (!isUrl(place) && /^[a-z][a-z\d+.-]*:\/\//i.test(place)) {
    throw new CliError(`${shownUrl(place)} cannot be read: only http and https URLs are supported.`, 2);
  }
  const isFolder =
    place !== "-" && !isUrl(place) && (await stat(place).catch(() => undefined))?.isDirectory();
  if (!isFolder) return [{ file: place, named: true }];
  const files = await filesIn(place);
  if (files.length === 0)
    throw new CliError(`${place} has no .yaml, .yml or .json file, nor has a folder in it.`, 2);
  return files.map((file) => ({ file, named: false }));
}

/** Manifests of a folder and of those in it, but for hidden ones such as `.git`. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new CliError(`${folder} cannot be read: ${reasonOf(error)}.`, 2);
  });
  const found: string[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!entry.name.startsWith(".") && entry.name !== "node_modules") found.push(...(await filesIn(path)));
    } else if (/\.(ya?ml|json)$|^Kustomization$/.test(entry.name)) found.push(path);
  }
  return found;
}

async function readOne(file: string): Promise<string> {
  if (isUrl(file)) return fetchText(file);
  try {
    return await textOf(file === "-" ? process.stdin : createReadStream(file), file);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`${file} cannot be read: ${reasonOf(error)}.`, 2);
  }
}

/** A file of a folder. Whoever names the folder may not know of it, so the others are read without it. */
async function readFound(file: string): Promise<Pick<Source, "text" | "unread">> {
  try {
    const found = await stat(file).catch(async (error: unknown) => {
      if ((await lstat(file)).isSymbolicLink() && (error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    });
    if (found === undefined) return unread("it is a symbolic link to a file that is not there");
    if (found.isDirectory()) return unread("it is a symbolic link to a folder; name the folder with -f");
    // To open a named pipe waits until somebody writes to it.
    if (!found.isFile()) return unread("it is a pipe, a socket or a device, not a file");
    return { text: await readOne(file) };
  } catch (error) {
    return error instanceof CliError
      ? { text: "", unread: error.message.replace(`${file} cannot be read`, "it cannot be read") }
      : unread(reasonOf(error));
  }
}

function unread(reason: string): Pick<Source, "text" | "unread"> {
  return { text: "", unread: `it cannot be read: ${reason}.` };
}
