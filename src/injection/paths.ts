/** The parts of a path, with `.` and `..` carried out; what it leads to from a directory if it is relative. */
export function partsOf(path: string, from: readonly string[] = []): string[] {
  // Not by resolve of node:path, whose time grows with the square of `a/a/a/…/../b/../b/…`.
  const parts = path.startsWith("/") ? [] : [...from];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}

/**
 * Whether a path leads to the root of the filesystem, however it is written: `/`, `//`, `/./`, `/a/..`.
 *
 * @param from - the directory that a relative path begins in, where it is known
 */
export function isRoot(path: string | undefined, from?: string): boolean {
  if (path === undefined || !(path.startsWith("/") || from?.startsWith("/"))) return false;
  return partsOf(path, partsOf(from ?? "/")).length === 0;
}

/** Whether a path is a directory or lies in it. */
export function isWithin(path: readonly string[], directory: readonly string[]): boolean {
  return path.length >= directory.length && directory.every((part, i) => path[i] === part);
}
