import { type Document, isMap, isNode, LineCounter, parseDocument } from "yaml";
import { checkSchema } from "./check.ts";
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

  const schema = document.toJS() as Schema;
  const problems = checkSchema(schema).map(([path, message]) => {
    const offset = offsetOf(document, path);
    return `${file}:${lines.linePos(offset).line}: ${path.join(".") || "the file"}: ${message}`;
  });
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return schema;
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
