import { createHash } from "node:crypto";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";

/** A tree of files as a step may leave it. */
export type Tree = { readonly [name: string]: Node };

type Node =
  | { readonly kind: "file"; readonly content: string; readonly mode: number }
  | { readonly kind: "directory"; readonly entries: Tree; readonly mode: number }
  /** To something beside it, which may not be there. */
  | { readonly kind: "link"; readonly target: string }
  /** To the first file of its directory, or to nothing where there is none: then it is not made. */
  | { readonly kind: "hard link" };

/** Names that shells, tar and line protocols like to break. */
const name = fc
  .oneof(
    { weight: 3, arbitrary: fc.stringMatching(/^[a-z][a-z0-9._-]{0,7}$/) },
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
    fc.constantFrom(
      "a\nb",
      "\n",
      " ",
      "-rf",
      "--",
      "*",
      "'",
      '"',
      "\\",
      "\\n",
      "$(id)",
      "é",
      "日本語",
      "🦩",
      "a\u0001b",
    ),
    fc.constantFrom(
      "\u0301",
      "e\u0301",
      "~",
      "#",
      "a:b",
      "a,b",
      "%s",
      "[a]",
      "x".repeat(140),
      ".hidden",
      "...",
    ),
  )
  .filter((n) => n !== "." && n !== ".." && !/[/\0]/.test(n) && Buffer.byteLength(n) <= 255);

const mode = fc.constantFrom(0o644, 0o600, 0o755, 0o700, 0o400, 0o444, 0o777, 0o4755, 0o2755, 0o1777, 0o000);

/** Trees with hard names, modes, links and depths. */
export const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree; node: Node }>((tie) => ({
  tree: fc.dictionary(name, tie("node"), { maxKeys: 6, noNullPrototype: true }),
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ kind: fc.constant("file" as const), content: fc.string({ maxLength: 40 }), mode }),
    fc.record({ kind: fc.constant("link" as const), target: name }),
    fc.record({ kind: fc.constant("hard link" as const) }),
    fc.record({ kind: fc.constant("directory" as const), entries: tie("tree"), mode }),
  ),
})).tree;

/** Makes a tree. */
export function plant(folder: string, entries: Tree): void {
  mkdirSync(folder, { recursive: true });
  const first = Object.keys(entries).find((key) => entries[key]?.kind === "file");
  for (const [key, node] of Object.entries(entries)) {
    const path = join(folder, key);
    if (node.kind === "file") writeFileSync(path, node.content);
    else if (node.kind === "link") symlinkSync(node.target, path);
    else if (node.kind === "directory") plant(path, node.entries);
    if (node.kind === "file" || node.kind === "directory") chmodSync(path, node.mode);
  }
  for (const [key, node] of Object.entries(entries)) {
    if (node.kind === "hard link" && first !== undefined) linkSync(join(folder, first), join(folder, key));
  }
}

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

/** The same without what a stock client need not keep. */
export function withoutModes(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/ [0-7]{1,4}( |$)/, "$1"));
}
