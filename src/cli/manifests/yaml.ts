import {
  type Document,
  isAlias,
  isCollection,
  isNode,
  isScalar,
  LineCounter,
  type Pair,
  parseAllDocuments,
  type Tags,
  visit,
  type YAMLError,
} from "yaml";

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
  /** Whether the text is a Helm template, which becomes YAML when it is rendered. */
  readonly isTemplate?: true;
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
  const template = templateIn(text, documents);
  if (template !== undefined) {
    return { isTemplate: true, message: "it is a Helm template.", ...position(lines, template) };
  }
  for (const document of documents) {
    const [wrong] = document.errors;
    if (wrong) return { message: sentenceOf(wrong, document), ...position(lines, wrong.pos[0]) };
  }
  const key = documents.map(collectionKeyIn).find((offset) => offset !== undefined);
  if (key !== undefined) {
    return { message: "a key is a list or a map; put it in quotes.", ...position(lines, key) };
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

/** What only Helm has: its objects, or an action where YAML wants a key or a value of its own. */
const ofHelm = /[\s({]\$?\.(Values|Release|Chart|Capabilities)\b|\{\{-?\s?(include|toYaml)\s/;
const action = /^[ \t]*\{\{/m;

/**
 * Where a text shows that it is a Helm template. Templates of other programs are values of many manifests, in quotes or
 * in a text of several lines.
 *
 * @see https://helm.sh/docs/chart_template_guide/builtin_objects/
 */
function templateIn(text: string, documents: readonly Document[]): number | undefined {
  const first = text.indexOf("{{");
  if (first === -1) return undefined;
  const [wrong] = documents.flatMap((document) => document.errors);
  if (wrong) {
    const start = text.lastIndexOf("\n", wrong.pos[0] - 1) + 1;
    const line = text.slice(start).split("\n", 1)[0] ?? "";
    return line.includes("{{") || action.test(text) || ofHelm.test(text) ? first : undefined;
  }
  const offsets = documents.flatMap((document) => {
    const found: number[] = [];
    visit(document, {
      Scalar: (_, { type, value, range }) => {
        const isBlock = type === "BLOCK_LITERAL" || type === "BLOCK_FOLDED";
        if (!isBlock && typeof value === "string" && value.includes("{{") && ofHelm.test(value))
          found.push(range?.[0] ?? first);
      },
      Pair: (_, { key }) => {
        const at = offsetOf(key);
        if (isCollection(key) && at !== undefined && text.startsWith("{", at) && text[at - 1] === "{")
          found.push(at - 1);
      },
    });
    return found;
  });
  return offsets.length === 0 ? undefined : Math.min(...offsets);
}

/** Where a key is that JSON does not have, so that kubectl refuses it. */
function collectionKeyIn(document: Document): number | undefined {
  return pairIn(document, ({ key }) => isCollection(isAlias(key) ? key.resolve(document) : key))?.at;
}

/** The key of a map that begins at a place, behind its anchor or type. */
function keyAt(document: Document, offset: number): string {
  const key = pairIn(document, (pair) => (offsetOf(pair.key) ?? -1) >= offset)?.key;
  return isScalar(key) ? String(key.value) : String(key);
}

/** The first key that is as wanted, and where it begins. */
function pairIn(
  document: Document,
  wanted: (pair: Pair) => boolean,
): { readonly key: unknown; readonly at: number } | undefined {
  let found: { key: unknown; at: number } | undefined;
  visit(document, {
    Pair: (_, pair) => {
      if (!wanted(pair)) return undefined;
      found = { key: pair.key, at: offsetOf(pair.key) ?? 0 };
      return visit.BREAK;
    },
  });
  return found;
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function position(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** The parser's codes in plain words. The message of any other is cut where it repeats the place. */
const sentences: Readonly<Record<string, string>> = {
  BAD_INDENT: "the indentation does not fit the lines around it",
  TAB_AS_INDENT: "a tab is used for indentation; only spaces are allowed",
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

function sentenceOf(error: YAMLError, document: Document): string {
  if (error.code === "DUPLICATE_KEY") {
    return `the key ${keyAt(document, error.pos[0])} is written twice in the same map.`;
  }
  const [first = ""] = error.message.split("\n");
  // The parser calls a bracket that is not closed badly indented.
  const code = error.message.includes("and end with a") ? "MISSING_CHAR" : error.code;
  const sentence = sentences[code] ?? (first.split(" at line ")[0] ?? "").replace(/\.$/, "");
  return sentence.endsWith("?") ? sentence : `${sentence}.`;
}

function aliasSentence(error: unknown): string {
  return error instanceof ReferenceError && /alias count/i.test(error.message)
    ? "its aliases (*) stand for more than a reader could hold."
    : "an alias (*) stands for an anchor that is not there.";
}
