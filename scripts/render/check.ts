import type { ErrorObject, ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import metaSchema from "../../schema/meta-schema.json" with { type: "json" };
import { withoutVariables } from "../../schema/variables.ts";
import { suggestion } from "../../src/annotations/nearest.ts";
import { type Format, formatOf, formats, nameOf, type Schema, type SchemaNode } from "./schema.ts";

/** A place of the schema that the renderers would not understand, and what was found and is allowed there. */
export type SchemaProblem = readonly [path: readonly string[], message: string];

const keywords = metaSchema.$defs.node.propertyNames.enum;

let validate: ValidateFunction | undefined;

/**
 * Every place where a schema is not what the renderers understand: its form first (the meta-schema), and where
 * that is right, what a meta-schema cannot say: names that refer to something, values that fit their format.
 */
export function checkSchema(schema: Schema): SchemaProblem[] {
  validate ??= new Ajv2020({ allErrors: true, strict: false, verbose: true }).compile(metaSchema);
  if (!validate(schema))
    return (validate.errors ?? []).filter(({ keyword }) => !wraps(keyword)).map(describe);
  const nodes = Object.entries(schema.components.schemas).flatMap(([name, node]) =>
    nodesBelow(node, ["components", "schemas", name]),
  );
  const all = (check: Check) =>
    nodes.flatMap(([path, node]) =>
      [...check(schema, node, path)].map(([at, message]): SchemaProblem => [[...path, ...at], message]),
    );
  const references = [...all(checkPattern), ...all(checkReferences)];
  // What refers to nothing cannot be looked into.
  return references.length > 0 ? references : [...all(checkOf), ...all(checkDependents), ...all(checkValues)];
}

/** Finds what is wrong with a schema, at paths below its own. */
type Check = (schema: Schema, node: SchemaNode, path: readonly string[]) => Iterable<SchemaProblem>;

/** Whether an error only repeats what was wrong inside it. */
function wraps(keyword: string): boolean {
  return ["propertyNames", "oneOf", "if"].includes(keyword);
}

function describe({ instancePath, propertyName, params, data, message }: ErrorObject): SchemaProblem {
  const parts = instancePath.split("/").slice(1);
  const path = parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  if (propertyName !== undefined) {
    return [[...path, propertyName], `no such keyword; ${suggestion(propertyName, keywords)}`];
  }
  const found = typeof data === "object" ? "" : `found ${JSON.stringify(data)}, `;
  const allowed = params["allowedValues"] as string[] | undefined;
  return [path, `${found}${message}${allowed ? `: ${allowed.join(", ")}` : ""}`];
}

/** A schema and every schema inside it, with their paths. */
function nodesBelow(node: SchemaNode, path: string[]): [string[], SchemaNode][] {
  const { properties = {}, items, additionalProperties } = node;
  const inside = [
    ...Object.entries(properties).map(([name, child]) => [["properties", name], child] as const),
    [["items"], items] as const,
    [["additionalProperties"], additionalProperties] as const,
  ];
  const below = inside.flatMap(([at, child]) =>
    typeof child === "object" ? nodesBelow(child, [...path, ...at]) : [],
  );
  return [[path, node], ...below];
}

/** What JavaScript understands and Go's RE2, in which the API server matches, does not. */
const onlyJavaScript = /\(\?<?[=!]|\\u|\\[1-9]|\\k/;

function* checkPattern(_: Schema, { pattern = "" }: SchemaNode): Iterable<SchemaProblem> {
  if (onlyJavaScript.test(pattern)) {
    yield [["pattern"], "lookarounds, back references and \\u are not understood by the API server"];
    return;
  }
  try {
    new RegExp(pattern, "u");
  } catch (error) {
    yield [["pattern"], (error as Error).message];
  }
}

/** Names of schemas and of properties must be those of one that is there. */
function* checkReferences(schema: Schema, node: SchemaNode): Iterable<SchemaProblem> {
  const target = nameOf(node);
  const components = Object.keys(schema.components.schemas);
  if (target !== undefined && !components.includes(target)) {
    yield [["$ref"], `no such schema; ${suggestion(target, components)}`];
  }
  const fields = Object.keys(node.properties ?? {});
  const { required = [], dependentRequired = {}, dependentSchemas = {} } = node;
  const named: [string[], string[]][] = [
    [["required"], required],
    ...Object.entries(dependentRequired).map(([field, others]): [string[], string[]] => [
      ["dependentRequired", field],
      [field, ...others],
    ]),
    ...Object.entries(dependentSchemas).map(([field, dependent]): [string[], string[]] => [
      ["dependentSchemas", field],
      [field, ...(dependent.required ?? []), ...Object.keys(dependent.properties ?? {})],
    ]),
  ];
  for (const [at, names] of named) {
    for (const name of names.filter((other) => !fields.includes(other))) {
      yield [at, `there is no property "${name}"; ${suggestion(name, fields)}`];
    }
  }
}

/** What belongs to an annotation needs that annotation. */
function* checkOf(_: Schema, { properties = {} }: SchemaNode): Iterable<SchemaProblem> {
  const fields = Object.keys(properties);
  for (const [field, { "x-of": of }] of Object.entries(properties)) {
    if (of !== undefined && !fields.includes(of))
      yield [["properties", field, "x-of"], `there is no property "${of}"; ${suggestion(of, fields)}`];
  }
}

/** A default that the API server fills in must not break a rule that holds as long as nothing is there. */
function* checkDependents(_: Schema, node: SchemaNode): Iterable<SchemaProblem> {
  for (const [field, { required = [], properties = {} }] of Object.entries(node.dependentSchemas ?? {})) {
    for (const [name, rule] of Object.entries(properties)) {
      const fallback = node.properties?.[name]?.default;
      const isBroken = rule === false || ("const" in rule && rule.const !== fallback);
      if (fallback !== undefined && isBroken && !required.includes(name)) {
        yield [["dependentSchemas", field], `"${name}" has another default: it must be required too`];
      }
    }
  }
}

/** Values of each keyword must be what that keyword says of them. */
function* checkValues(schema: Schema, node: SchemaNode, path: readonly string[]): Iterable<SchemaProblem> {
  const format = path.length === 3 ? formats(schema)[path[2] ?? ""] : formatOf(schema, node);
  if (!format) return;
  const { "x-refused": refused = [], "x-variables": variables = [], examples = [], default: fallback } = node;
  for (const value of refused.filter((each) => fits(each, format))) {
    yield [["x-refused"], `${JSON.stringify(value)} is of this form`];
  }
  for (const value of variables.filter((each) => !fits(each, format) || withoutVariables(each) === each)) {
    yield [["x-variables"], `${JSON.stringify(value)} is not of this form, or holds no variable`];
  }
  const allowed = `; allowed is ${format.title}`;
  if (typeof fallback === "string" && !fits(fallback, format)) {
    yield [["default"], `found ${JSON.stringify(fallback)}${allowed}`];
  }
  for (const value of examples.filter((each) => !fits(each, format))) {
    yield [["examples"], `found ${JSON.stringify(value)}${allowed}`];
  }
}

function fits(value: string, { pattern, maxLength, "x-variables": variables }: Format): boolean {
  const checked = variables ? withoutVariables(value) : value;
  return value.length <= maxLength && new RegExp(pattern, "u").test(checked);
}
