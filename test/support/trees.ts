import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/**
 * Everything below a folder, sorted, a line each: type, mode, content's digest or target, and which
 * other name is the same file.
 */
export function describeTree(folder: string): string[] {
  const seen = new Map<number, string>();
  const walk = (prefix: string): string[] =>
    readdirSync(join(folder, prefix))
      .sort()
      .flatMap((key) => {
        const path = join(prefix, key);
        const stat = lstatSync(join(folder, path));
        const bits = (stat.mode & 0o7777).toString(8);
        if (stat.isSymbolicLink()) return [`${path} -> ${readlinkSync(join(folder, path))}`];
        if (stat.isDirectory()) return [`${path}/ ${bits}`, ...walk(path)];
        if (!stat.isFile()) return [`${path} special`];
        const same = seen.get(stat.ino);
        seen.set(stat.ino, same ?? path);
        const digest = createHash("sha256")
          .update(readFileSync(join(folder, path)))
          .digest("hex");
        return [`${path} ${bits} ${same === undefined ? digest : `= ${same}`}`];
      });
  return walk("");
}
