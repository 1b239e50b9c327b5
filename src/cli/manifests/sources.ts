import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { CliError, reasonOf } from "../output.ts";
import { fetchText, isUrl, shownUrl } from "./fetch.ts";

/** The text of one file, URL or standard input. */
export interface Source {
  /** As the user would name it: a path, a URL, or `-`. */
  readonly file: string;
  readonly text: string;
  /** Whether it was named itself, and not found in a folder. */
  readonly named: boolean;
}

/**
 * Reads what `-f` names, in order; each file once, wherever it is named again.
 *
 * @param places - paths, URLs, or `-`
 * @throws CliError (exit code 2) when one cannot be read, or a folder has no manifest in it
 */
export async function readSources(places: readonly string[]): Promise<Source[]> {
  if (places.filter((place) => place === "-").length > 1) {
    throw new CliError("-f - is given twice, and standard input can be read once.", 2);
  }
  const files = await once((await Promise.all(places.map(filesAt))).flat());
  const sources: Source[] = [];
  // One after the other: the first that cannot be read ends the command.
  for (const { file, named } of files) {
    sources.push({ file: isUrl(file) ? shownUrl(file) : file, named, text: await readOne(file) });
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
    return file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${reasonOf(error)}.`, 2);
  }
}
