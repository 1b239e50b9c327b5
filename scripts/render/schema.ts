/** JSON Schema as far as it is understood here, with the keywords that schema/oras-operator.yaml documents. */
export interface SchemaNode {
  $ref?: string;
  type?: string | string[];
  /** What messages say is allowed. */
  title?: string;
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
  maxProperties?: number;
  examples?: string[];
  required?: string[];
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  additionalProperties?: boolean | SchemaNode;
  dependentRequired?: Record<string, string[]>;
  dependentSchemas?: Record<string, Dependent>;
  "x-of"?: string;
  "x-default-text"?: string;
  "x-variables"?: string[];
  "x-refused"?: string[];
  "x-printer-columns"?: { name: string; type: string; jsonPath: string; priority?: number }[];
  "x-model"?: string;
  "x-kubernetes-validations"?: Rule[];
  [keyword: `x-kubernetes-${string}`]: unknown;
}

/** A validation rule of a CustomResourceDefinition, in CEL. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

/** What must hold where a property is set: others have a value, are not set, or are no lists. */
export interface Dependent {
  required?: string[];
  properties?: Record<string, false | { const: unknown } | { maxItems: 1 }>;
}

/** schema/oras-operator.yaml as parsed. */
export interface Schema {
  openapi: string;
  info: { title: string; version: string };
  /** Parts of patterns; those of each schema are whole already. */
  "x-parts"?: Record<string, string>;
  components: { schemas: Record<string, SchemaNode> };
}

/** A file that a renderer makes. */
export interface Rendered {
  readonly path: string;
  readonly content: string;
}

/** The form of a value: a named schema of a text. */
export interface Format extends SchemaNode {
  pattern: string;
  maxLength: number;
  title: string;
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

/** Whether an annotation may be given several times. */
export function isList(annotation: SchemaNode): boolean {
  return annotation.type === "array";
}

/** The forms of values by their names. */
export function formats(schema: Schema): Record<string, Format> {
  const texts = Object.entries(schema.components.schemas).filter(([, node]) => node.type === "string");
  return Object.fromEntries(texts.map(([name, node]) => [name, asFormat(node)]));
}

/** The form of a field's value, or of each value of an annotation, if it has one. */
export function formatOf(schema: Schema, node: SchemaNode): Format | undefined {
  return formats(schema)[formatName(node) ?? ""];
}

/** The name of that form. */
export function formatName(node: SchemaNode): string | undefined {
  return nameOf(node) ?? nameOf(node.items);
}

/** The name of the schema that a node refers to. */
export function nameOf(node: SchemaNode | undefined): string | undefined {
  return node?.$ref?.split("/").at(-1);
}

/** A list of words is a pattern too. */
function asFormat(node: SchemaNode): Format {
  const words = node.enum ?? [];
  const maxLength = Math.max(...words.map((word) => word.length));
  return { pattern: `^(${words.join("|")})$`, maxLength, title: listed(words), ...node };
}

/** `a, b or c` */
function listed(words: readonly string[]): string {
  return [words.slice(0, -1).join(", "), ...words.slice(-1)].filter((part) => part !== "").join(" or ");
}

/** A schema with every reference replaced by what it refers to. */
export function inlined(schema: Schema, node: SchemaNode): SchemaNode {
  return mapChildren(referred(schema, node), (child) => inlined(schema, child));
}

/** What a reference refers to, with what stands beside the reference; any other schema is itself. */
export function referred(schema: Schema, node: SchemaNode): SchemaNode {
  const { $ref, ...beside } = node;
  return $ref === undefined ? node : { ...component(schema, nameOf(node) ?? ""), ...beside };
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
export function mapValues<A, B>(
  record: Record<string, A>,
  f: (value: A, key: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value, key)]));
}

/** What every generated file says of itself first. */
export const notice = "Code generated by scripts/generate.ts from schema/oras-operator.yaml. DO NOT EDIT.";

/** The first lines of a generated TypeScript file. */
export const header = `// ${notice}\n\n`;

/** A TypeScript file of data: a constant for each value. */
export function data(path: string, values: Record<string, unknown>): Rendered {
  const constants = Object.entries(values).map(
    ([name, value]) => `export const ${name} = ${JSON.stringify(value, null, 2)} as const;\n`,
  );
  return { path, content: header + constants.join("\n") };
}
