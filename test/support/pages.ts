import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What stands behind the language of a block: why nothing types it, which test does, or what a piece of YAML is part of. */
const notes = ["untested", "tested by", "part of"] as const;

/** A fenced block of a page. */
export interface Block {
  /** Where its text begins. */
  readonly line: number;
  readonly language: string;
  readonly note?: { readonly kind: (typeof notes)[number]; readonly text: string };
  /** What stands behind the language and is no note. */
  readonly stray?: string;
  readonly text: string;
}

/** Pages that people read, from the repository's root. */
export const pages = [
  ...markdownIn("."),
  ...markdownIn("chart"),
  ...["docs", "examples"].flatMap((folder) => markdownIn(folder, true)),
].sort();

function markdownIn(folder: string, recursive = false): string[] {
  return readdirSync(folder, { recursive, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The fenced blocks of a page, also those within lists. */
export function blocksOf(page: string): Block[] {
  return blocksIn(readFileSync(page, "utf8"));
}

/** The fenced blocks of Markdown. */
export function blocksIn(text: string): Block[] {
  return [...text.matchAll(/^( *)```([^\s`]*)([^\n]*)\n(.*?)^\1```$/gms)].map((found) => {
    const [, indent = "", language = "", rest = "", content = ""] = found;
    const line = text.slice(0, found.index).split("\n").length + 1;
    return {
      line,
      language,
      ...noteIn(rest.trim()),
      text: content.replaceAll(RegExp(`^${indent}`, "gm"), ""),
    };
  });
}

function noteIn(rest: string): Pick<Block, "note" | "stray"> {
  if (rest === "") return {};
  const kind = notes.find((each) => rest.startsWith(`${each}: `));
  if (kind === undefined) return { stray: rest };
  return { note: { kind, text: rest.slice(kind.length + 2) } };
}

/** Whether a block has commands that a test has to type. */
export function isTyped({ language, note }: Block): boolean {
  return ["sh", "console"].includes(language) && note === undefined;
}

/**
 * The commands of a block. Of one that shows a terminal, those are what stands behind a prompt. A line that ends in a pipe
 * or a backslash goes on.
 */
export function commandsOf({ language, text }: Block): string[] {
  const lines = text.trim().split(/(?<![|\\])\n/);
  if (language === "sh") return lines;
  return lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
}

/** The heads of the tables that a block with a terminal shows, as they are printed. */
export function headsOf({ language, text }: Block): RegExp[] {
  if (language !== "console") return [];
  const heads = text
    .split("\n")
    .filter((line) => /^ *[A-Z]+(?: [A-Z]+)*(?: {2,}[A-Z]+(?: [A-Z]+)*)+$/.test(line));
  return heads.map((line) => RegExp(`^ *${line.trim().split(/ {2,}/).join(" {2,}")}`, "m"));
}

/**
 * The rows of the table "When it fails" of a page.
 *
 * @param page - its path
 * @returns the first column: what somebody sees
 */
export function failuresOf(page: string): string[] {
  const [, table = ""] = readFileSync(page, "utf8").split("## When it fails\n");
  return [...table.matchAll(/^\| (.+?) \| .+ \|$/gm)].flatMap(([, seen = ""]) =>
    seen === "---" || seen === "you see" ? [] : [seen],
  );
}
