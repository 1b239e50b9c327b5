import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Rendered } from "./render/schema.ts";

/** Folders in which every file is generated: one that is not rendered any more is a left-over. */
const generatedFolders = ["generated", "docs/reference"];

/**
 * The paths that are not what would be generated, each with what it is if it is not merely stale.
 *
 * @param files - what would be generated
 * @param root - folder that the paths are relative to
 */
export async function staleFiles(files: readonly Rendered[], root: string): Promise<string[]> {
  const stale: string[] = [];
  for (const { path, content } of files) {
    const found = await readIfThere(join(root, path));
    if (found !== content) stale.push(found === undefined ? `${path} (missing)` : path);
  }
  return [...stale, ...(await leftOvers(files, root)).map((path) => `${path} (left over)`)];
}

/** The paths in the folders of generated files that nothing generates any more. */
export async function leftOvers(files: readonly Rendered[], root: string): Promise<string[]> {
  const known = new Set(files.map((file) => file.path));
  const found: string[] = [];
  for (const folder of generatedFolders) {
    const options = { recursive: true, withFileTypes: true } as const;
    const entries = await readdir(join(root, folder), options).catch(orWhenMissing([]));
    for (const entry of entries) {
      if (entry.isFile()) found.push(relative(root, join(entry.parentPath, entry.name)));
    }
  }
  return found.filter((path) => !known.has(path));
}

/** A file's text, unless it does not exist. */
export function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(orWhenMissing(undefined));
}

function orWhenMissing<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return instead;
    throw error;
  };
}
