import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isCollection,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  Parser,
  type Scalar,
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
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const unfit = wrongTokens(text, tokens);
  if (unfit) return problemAt(lines, unfit);
  // The composer compares each key with all before it; repeatedKeyIn does that in one pass.
  const documents = [...new Composer({ ...kubectlYaml, uniqueKeys: false }).compose(tokens)];
  const template = templateIn(text, documents);
  if (template !== undefined) {
    return { isTemplate: true, ...problemAt(lines, { message: "it is a Helm template.", at: template }) };
  }
  const wrong = firstOf(documents, wrongSyntaxIn) ?? firstOf(documents, wrongNodeIn);
  if (wrong) return problemAt(lines, wrong);
  const values = documents.map(readValue);
  const unreadable = values.find((read) => "message" in read);
  if (unreadable) return problemAt(lines, unreadable);
  return values.flatMap((read) => ("message" in read || read.value === null ? [] : [{ ...read, lines }]));
}

/** What is wrong, and the offset in the text. */
interface Wrong {
  readonly message: string;
  readonly at: number;
}

function problemAt(lines: LineCounter, { message, at }: Wrong): YamlProblem {
  return { message, ...position(lines, at) };
}

function firstOf<T>(items: readonly T[], wrongIn: (item: T) => Wrong | undefined): Wrong | undefined {
  for (const item of items) {
    const wrong = wrongIn(item);
    if (wrong) return wrong;
  }
  return undefined;
}

/** What no YAML has, or has in more levels than the composer can follow. */
function wrongTokens(text: string, tokens: readonly CST.Token[]): Wrong | undefined {
  const zero = text.indexOf("\0");
  if (zero !== -1) return { message: zeroSentence, at: zero };
  const deep = deeperThan(mostLevels, tokens, tokensBelow);
  return deep && { message: deepSentence, at: deep.offset };
}

/** The first error of the parser, or key that is written twice. */
function wrongSyntaxIn(document: Document): Wrong | undefined {
  const [error] = document.errors;
  const wrong = error && { message: sentenceOf(error), at: error.pos[0] };
  const key = repeatedKeyIn(document);
  const at = offsetOf(key) ?? 0;
  if (key === undefined || (wrong && wrong.at <= at)) return wrong;
  return { message: `the key ${String(key.value)} is written twice in the same map.`, at };
}

function readValue(document: Document.Parsed): { document: Document; value: unknown } | Wrong {
  const at = document.range[0];
  try {
    const value: unknown = document.toJS();
    // Aliases add the levels of what they stand for.
    const isDeep = deeperThan(mostLevels, [[value]], valuesBelow) !== undefined;
    return isDeep ? { message: deepSentence, at } : { document, value };
  } catch (error) {
    return { message: aliasSentence(error), at };
  }
}

/** Far more than any kind of Kubernetes has, and few enough for functions that call themselves for each level. */
const mostLevels = 500;
const deepSentence = `lists and maps are nested more than ${mostLevels} deep.`;
const zeroSentence =
  "there is a zero byte, which no text in UTF-8 has. If the file is UTF-16, save it as UTF-8.";

/** Something that lies deeper than so many levels. What lies on one level in several places is looked at once there. */
function deeperThan<T>(levels: number, top: readonly T[], below: (item: T) => readonly T[]): T | undefined {
  let level = new Set(top);
  for (let depth = 0; level.size > 0; depth++) {
    if (depth > levels) return [...level][0];
    level = new Set([...level].flatMap(below));
  }
  return undefined;
}

/** The lists and maps directly in a token. */
function tokensBelow(token: CST.Token): CST.Token[] {
  if (token.type === "document") return token.value ? [token.value] : [];
  if (!("items" in token)) return [];
  return token.items
    .flatMap(({ key, value }: CST.CollectionItem) => [key, value])
    .filter((item): item is CST.Token => item != null && "items" in item);
}

function valuesBelow(value: unknown): unknown[] {
  return typeof value === "object" && value !== null
    ? Object.values(value).filter((item) => typeof item === "object" && item !== null)
    : [];
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

/** The first key of a map that is in it before. */
function repeatedKeyIn(document: Document): Scalar | undefined {
  let found: Scalar | undefined;
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          found = key;
          return visit.BREAK;
        }
        seen.add(key.value);
      }
      return undefined;
    },
  });
  return found;
}

/** What is YAML but not JSON, so that kubectl refuses it: a key that is a list or a map, and a value that contains itself. */
function wrongNodeIn(document: Document): Wrong | undefined {
  const anchors = new Map<string, Node>();
  let found: Wrong | undefined;
  visit(document, {
    Node: (place, node, path) => {
      const target = isAlias(node) ? anchors.get(node.source) : node;
      const at = offsetOf(node) ?? 0;
      if (place === "key" && isCollection(target))
        found = { message: "a key is a list or a map; put it in quotes.", at };
      else if (isAlias(node) && target !== undefined && path.includes(target))
        found = {
          message: `the alias *${node.source} stands for a value that contains the alias itself.`,
          at,
        };
      if (!isAlias(node) && node.anchor !== undefined) anchors.set(node.anchor, node);
      return found && visit.BREAK;
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

function sentenceOf(error: YAMLError): string {
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
