/** The folder, in the working directory of a step, of what is pushed. */
export const outputsFolder = ".outputs";

/**
 * What is wrong with a path of a file or folder that steps pass; undefined where nothing is. Each step has a working directory
 * for itself, so all paths are below it.
 *
 * @param path - as it is written
 */
export function wrongIn(path: string): string | undefined {
  if (path === "") return "it is empty";
  // A line break would end the comment that names the file.
  if (/\p{Cc}/u.test(path)) return "it has a control character";
  if (path.startsWith("/")) return "it is absolute, and no folder is the same for two steps";
  const parts = path.split("/");
  if (parts.some((part) => ["", ".", ".."].includes(part))) return "no part of it may be empty, . or ..";
  if (parts[0] === outputsFolder) return `what a step makes is put into ${outputsFolder}`;
  return undefined;
}

/** The folders that a path lies in, from the nearest on. */
export function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, parts.length - index).join("/"));
}
