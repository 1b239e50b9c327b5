import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { visible } from "../annotations/problems.ts";
import { exits } from "./exits.ts";
import { CliError, reasonOf } from "./output.ts";

/**
 * Makes a folder, and those that it is in, unless they are there. Node's own `recursive` tries again for ever where a file
 * system takes no folders, as /proc does.
 *
 * @param folder - path of it
 * @param mode - of those that are made
 * @throws CliError that says which of them cannot be made, and why
 */
export function makeFolders(folder: string, mode?: number): void {
  const missing: string[] = [];
  let at = resolve(folder);
  for (; !isThere(at); at = dirname(at)) missing.unshift(at);
  if (!statSync(at).isDirectory())
    throw notMade(folder, `${at === resolve(folder) ? "it" : visible(at)} is a file, not a folder`);
  for (const path of missing) makeOne(path, mode);
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // A part of the path is a file: the folder above says so.
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return false;
    throw notMade(path, reasonOf(error), error);
  }
}

function makeOne(path: string, mode: number | undefined): void {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another command may have made it meanwhile.
    if (code === "EEXIST" && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    if (code === "ENOENT") throw notMade(path, "its file system takes no folders", error);
    throw notMade(path, code === "EEXIST" ? "it is a link that leads nowhere" : reasonOf(error), error);
  }
}

function notMade(path: string, reason: string, cause?: unknown): CliError {
  const message = `The folder ${visible(path)} cannot be made: ${reason}. Name another one.`;
  return new CliError(message, exits.usage, { cause });
}
