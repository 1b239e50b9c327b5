import { type Document, LineCounter, parseAllDocuments, type Tags, type YAMLError } from "yaml";

/**
 * YAML as kubectl reads it: 1.1, so `0644` is octal and `yes` is true, but for sexagesimal numbers and times, which its
 * parser leaves as text. What is written is quoted by the same rules.
 */
export const kubectlYaml = {
  version: "1.1",
  customTags: (tags: Tags) =>
    tags.filter(
      (tag) => typeof tag === "string" || (tag.format !== "TIME" && !tag.tag.endsWith(":timestamp")),
    ),
} as const;

/** What is wrong with a text that should be YAML, and where. */
export interface YamlProblem {
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

/** A document of a file, with the value that it has as plain JSON. */
export interface YamlDocument {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly value: unknown;
}

/**
 * Parses all documents of a text; empty ones are left out.
 *
 * @returns or the first thing that is wrong: it makes the parser see others
 */
export function parseYaml(text: string): YamlDocument[] | YamlProblem {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { ...kubectlYaml, lineCounter: lines });
  const documents = Array.isArray(parsed) ? parsed : [];
  const [wrong] = documents.flatMap((document) => document.errors);
  if (wrong) {
    const at = position(lines, wrong.pos[0]);
    return { message: sentenceOf(wrong, text.split("\n")[at.line - 1] ?? ""), ...at };
  }
  const read: YamlDocument[] = [];
  for (const document of documents) {
    try {
      const value: unknown = document.toJS();
      if (value !== null) read.push({ document, lines, value });
    } catch (error) {
      return { message: aliasSentence(error), ...position(lines, document.range[0]) };
    }
  }
  return read;
}

function position(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** The parser's codes in plain words. The message of any other is cut where it repeats the place. */
const sentences: Readonly<Record<string, string>> = {
  BAD_INDENT: "the indentation does not fit the lines around it",
  TAB_AS_INDENT: "a tab is used for indentation; only spaces are allowed",
  DUPLICATE_KEY: "a key is written twice in the same map",
  BLOCK_AS_IMPLICIT_KEY: 'a ": " stands inside a value; put the value in quotes',
  MULTILINE_IMPLICIT_KEY: 'a ":" is missing after a key, or a text of several lines needs quotes',
  MISSING_CHAR: "something is missing: a colon after a key, a comma, or the end of a quote or bracket",
  BAD_SCALAR_START: "a value begins with a character that needs quotes around the value",
  BAD_DQ_ESCAPE: 'a "\\" in double quotes begins no known escape; use single quotes or "\\\\"',
  UNEXPECTED_TOKEN: "something stands where it does not belong; is a quote missing before it?",
  BLOCK_IN_FLOW: "a line begins a new entry inside brackets that are not closed",
  BAD_ALIAS: "a * stands before a name that is no anchor; put the value in quotes",
  TAG_RESOLVE_FAILED: "a ! stands before a word that is no type; put the value in quotes",
  BAD_COLLECTION_TYPE: "a list or map has another type than its ! says",
  KEY_OVER_1024_CHARS: "a key is longer than 1024 characters",
  MULTIPLE_ANCHORS: "a value has two anchors",
  MULTIPLE_TAGS: "a value has two types",
  BAD_DIRECTIVE: "a line begins with % and is no directive; put the value in quotes",
};

function sentenceOf(error: YAMLError, line: string): string {
  if (line.includes("{{")) return "it is a template; render it first, for example with helm template.";
  const [first = ""] = error.message.split("\n");
  // The parser calls a bracket that is not closed badly indented.
  const code = error.message.includes("and end with a") ? "MISSING_CHAR" : error.code;
  return `${sentences[code] ?? (first.split(" at line ")[0] ?? "").replace(/\.$/, "")}.`;
}

function aliasSentence(error: unknown): string {
  return error instanceof ReferenceError && /alias count/i.test(error.message)
    ? "its aliases (*) stand for more than a reader could hold."
    : "an alias (*) stands for an anchor that is not there.";
}
