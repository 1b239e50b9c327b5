import { type Document, isMap, isNode, LineCounter, parseDocument } from "yaml";
import { conditionTypes } from "../../schema/reasons.ts";
import { checkSchema } from "./check.ts";
import { withModels } from "./models.ts";
import type { Schema } from "./schema.ts";

/**
 * Parses and checks the schema.
 *
 * @param text - YAML
 * @param file - its name, for messages
 * @throws Error that lists every place that is wrong, with its line and what is allowed there
 */
export function parseSchema(text: string, file: string): Schema {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors.map((error) => `${file}: ${error.message}`);
  if (broken.length > 0) throw new Error(broken.join("\n"));

  const schema = filledIn(document.toJS() as Schema);
  const problems = checkSchema(schema).map(([path, message]) => {
    const offset = offsetOf(document, path);
    return `${file}:${lines.linePos(offset).line}: ${path.join(".") || "the file"}: ${message}`;
  });
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return withModels(schema);
}

/**
 * The schema with the parts of patterns where their names stand, and with the meanings of conditions in descriptions.
 * A name of no part is left: it is no pattern then.
 */
function filledIn(schema: Schema): Schema {
  const parts = new Map(Object.entries(schema?.["x-parts"] ?? {}));
  // A part may hold those before it only, so this ends.
  for (const [name, part] of parts) parts.set(name, whole(part, parts));
  const conditions = Object.entries(conditionTypes).map(([type, meaning]) => `${type}: ${meaning}`);
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) => {
    if (typeof value !== "string") return value;
    if (key === "pattern") return whole(value, parts);
    return key === "description" ? value.replace("{conditions}", () => conditions.join(" ")) : value;
  }) as Schema;
}

function whole(pattern: string, parts: ReadonlyMap<string, string>): string {
  return pattern.replace(/\{([a-z][a-z0-9]*)\}/g, (found, name: string) => parts.get(name) ?? found);
}

/** Where the innermost part of a path that exists begins in the text. */
function offsetOf(document: Document.Parsed, path: readonly string[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const pair = isMap(parent) ? parent.items.find(({ key }) => String(key) === path[length - 1]) : undefined;
    const node = pair?.key ?? document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}
