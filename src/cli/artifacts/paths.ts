/** Of one step of a path, in bytes (NAME_MAX). */
const longestStep = 255;
const longestPath = 4096;

/**
 * The path of an entry below the top of a tree, without empty steps and dots; empty for the top itself. It works on bytes
 * as characters alike.
 *
 * @param name - as a manifest or an archive has it
 * @returns undefined where it is absolute, climbs, or cannot be a path
 */
export function cleanPath(name: string): string | undefined {
  if (name.startsWith("/") || name.includes("\0") || name.length > longestPath) return undefined;
  const steps = name.split("/").filter((step) => step !== "" && step !== ".");
  if (steps.some((step) => step === ".." || step.length > longestStep)) return undefined;
  return steps.join("/");
}

/**
 * Whether a symbolic link leads to something inside of its tree: it may climb only at its front, and no higher than the
 * top. A step up behind a name would be wrong once the name is a link itself.
 *
 * @param depth - of the folder that it is in
 * @param target - what it says
 */
export function staysInside(depth: number, target: string): boolean {
  if (target === "" || target.startsWith("/") || target.includes("\0")) return false;
  const steps = target.split("/").filter((step) => step !== "" && step !== ".");
  const named = steps.findIndex((step) => step !== "..");
  const climbs = named < 0 ? steps.length : named;
  return climbs <= depth && !steps.slice(climbs).includes("..");
}

/** The folder of a clean path; empty for the top. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

/** How many folders a clean path is below the top. */
export function depthOf(path: string): number {
  return path === "" ? 0 : path.split("/").length;
}
