import { lstatSync, readdirSync, renameSync } from "node:fs";
import { visible } from "../../annotations/problems.ts";

/** The path below a folder, which is bytes as characters (latin1), as bytes. */
export function bytesOf(folder: string, path: string): Buffer {
  if (path === "") return Buffer.from(folder);
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(path, "latin1")]);
}

/** Something that is there already, and cannot be replaced. */
export interface Obstacle {
  readonly place: string;
  readonly found: string;
  readonly wanted: "a folder" | "a file";
}

/**
 * Looks for what cannot be replaced, before anything is moved: a file replaces a file, the contents of two folders are put
 * together, and no link is followed.
 *
 * @param from - a folder
 * @param to - the folder that its contents go to
 * @param path - below both
 */
export function findObstacle(from: string, to: string, path = ""): Obstacle | undefined {
  for (const name of namesIn(bytesOf(from, path))) {
    const below = join(path, name);
    const there = look(bytesOf(to, below));
    if (there === undefined) continue;
    const isFolder = look(bytesOf(from, below))?.isDirectory() === true;
    const both = isFolder && there.isDirectory();
    const obstacle = both ? findObstacle(from, to, below) : obstacleAt(to, below, isFolder);
    if (obstacle !== undefined) return obstacle;
  }
  return undefined;
}

function obstacleAt(to: string, path: string, isFolder: boolean): Obstacle | undefined {
  const there = look(bytesOf(to, path));
  if (!isFolder && !there?.isDirectory()) return undefined;
  const found = there?.isDirectory() ? "a folder" : there?.isSymbolicLink() ? "a symbolic link" : "a file";
  return { place: visible(bytesOf(to, path).toString()), found, wanted: isFolder ? "a folder" : "a file" };
}

/**
 * Moves the contents of a folder.
 *
 * @param from - the folder
 * @param to - where to
 * @param path - below both
 * @returns the paths of the folders that were not there
 */
export function moveInto(from: string, to: string, path = ""): string[] {
  return namesIn(bytesOf(from, path)).flatMap((name) => {
    const below = join(path, name);
    const source = bytesOf(from, below);
    const isFolder = look(source)?.isDirectory() === true;
    if (isFolder && look(bytesOf(to, below)) !== undefined) return moveInto(from, to, below);
    renameSync(source, bytesOf(to, below));
    return isFolder ? [below] : [];
  });
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}/${name}`;
}

function look(path: Buffer) {
  return lstatSync(path, { throwIfNoEntry: false });
}

function namesIn(folder: Buffer): string[] {
  return readdirSync(folder, { encoding: "latin1" });
}
