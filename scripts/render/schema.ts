import { type Document, isMap, isNode, LineCounter, parseDocument } from "yaml";
import { checkSchema } from "./check.ts";
import { withoutPlaceholders } from "./placeholders.ts";

/** A JSON Schema with the keywords of ours that schema/oras-operator.yaml documents. */
export interface SchemaNode {
  $ref?: string;
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: string[];
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  examples?: string[];
  required?: string[];
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  additionalProperties?: boolean | SchemaNode;
  "x-list"?: boolean;
  "x-format"?: string;
  "x-default-text"?: string;
  "x-flag-env"?: string;
  "x-only-with"?: Record<string, unknown>;
  "x-name-format"?: string;
  "x-printer-columns"?: { name: string; type: string; jsonPath: string }[];
  "x-kubernetes-validations"?: { rule: string; message: string; fieldPath?: string }[];
  [keyword: `x-kubernetes-${string}`]: unknown;
}

/** The form of a value. */
export interface FormatNode {
  pattern: string;
  maxLength: number;
  allowed: string;
  /** Values that are not of this form, for tests. */
  refused: string[];
}

/** schema/oras-operator.yaml as parsed. */
export interface Schema {
  openapi: string;
  info: { title: string; version: string };
  "x-names": Record<string, string | number>;
  "x-exit-codes": Record<string, { code: number; container: string; meaning: string }>;
  "x-formats": Record<string, FormatNode>;
  components: { schemas: Record<string, SchemaNode> };
}

/** What renderers are given besides the schema. */
export interface Source {
  readonly schema: Schema;
  /** The schema file's name, for headers. */
  readonly file: string;
  /** Version of the product, from package.json. */
  readonly version: string;
}

/** A file that a renderer makes. */
export interface Rendered {
  readonly path: string;
  readonly content: string;
}

/**
 * Parses and checks the schema, and fills in its placeholders.
 *
 * @param text - YAML
 * @param file - its name, for messages and headers
 * @param version - of the product
 * @throws Error that lists every place that is wrong, with its line and what is allowed there
 */
export function parseSchema(text: string, file: string, version: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors.map((error) => `${file}: ${error.message}`);
  if (broken.length > 0) throw new Error(broken.join("\n"));

  const schema = document.toJS() as Schema;
  const problems = checkSchema(schema).map(({ path, message }) => {
    const offset = offsetOf(document, path);
    return `${file}:${lines.linePos(offset).line}: ${path.join(".") || "the file"}: ${message}`;
  });
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return { schema: withoutPlaceholders(schema, version), file, version };
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

/** The named schema of the components. */
export function component(schema: Schema, name: string): SchemaNode {
  const node = schema.components.schemas[name];
  if (!node) throw new Error(`components.schemas.${name} is missing`);
  return node;
}

/** The annotations' schemas by their names. */
export function annotationNodes(schema: Schema): [string, SchemaNode][] {
  return Object.entries(component(schema, "Annotations").properties ?? {});
}

/** A schema with every reference replaced by what it refers to, and every format by its pattern and length. */
export function inlined(schema: Schema, node: SchemaNode): SchemaNode {
  if (node.$ref !== undefined) return inlined(schema, referred(schema, node));
  const { pattern, maxLength } = schema["x-formats"][node["x-format"] ?? ""] ?? {};
  return mapChildren(
    {
      ...node,
      ...(pattern === undefined ? {} : { pattern }),
      ...(maxLength === undefined ? {} : { maxLength }),
    },
    (child) => inlined(schema, child),
  );
}

/** What a reference refers to; any other schema is itself. */
export function referred(schema: Schema, node: SchemaNode): SchemaNode {
  return node.$ref === undefined ? node : component(schema, node.$ref.split("/").at(-1) ?? "");
}

/** A schema with each schema directly inside it replaced. */
export function mapChildren(node: SchemaNode, f: (child: SchemaNode) => SchemaNode): SchemaNode {
  const { properties, items, additionalProperties } = node;
  return {
    ...node,
    ...(properties ? { properties: mapValues(properties, f) } : {}),
    ...(items ? { items: f(items) } : {}),
    ...(typeof additionalProperties === "object" ? { additionalProperties: f(additionalProperties) } : {}),
  };
}

/** An object with each value replaced. */
export function mapValues<A, B>(record: Record<string, A>, f: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value)]));
}

/** The first lines of a generated TypeScript file. */
export function header(source: Source): string {
  return `// Code generated by scripts/generate.ts from ${source.file}. DO NOT EDIT.\n\n`;
}

/** A value as a TypeScript literal. */
export function literal(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(/"([A-Za-z_$][\w$]*)":/g, "$1:");
}
