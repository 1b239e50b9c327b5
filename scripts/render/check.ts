import type { ErrorObject, ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { closest, distance } from "fastest-levenshtein";
import { withoutVariables } from "../../schema/variables.ts";
import { metaSchema } from "./meta-schema.ts";
import { annotationNodes, type FormatNode, type Schema, type SchemaNode } from "./schema.ts";

/** A place of the schema that the renderers would not understand. */
export interface SchemaProblem {
  readonly path: readonly string[];
  /** What was found and what is allowed. */
  readonly message: string;
}

let validate: ValidateFunction | undefined;

/**
 * Every place where a schema is not what the renderers understand: its form first (the meta-schema), and where
 * that is right, what a meta-schema cannot say: names that refer to something, values that fit their format.
 */
export function checkSchema(schema: Schema): SchemaProblem[] {
  validate ??= new Ajv2020({ allErrors: true, strict: false, verbose: true }).compile(metaSchema);
  if (!validate(schema)) {
    // "if" and "anyOf" only repeat what was wrong inside them.
    return (validate.errors ?? [])
      .filter(({ keyword }) => keyword !== "if" && keyword !== "anyOf")
      .map(describe);
  }
  const formats = Object.entries(schema["x-formats"]).flatMap(([name, format]) => checkFormat(name, format));
  if (formats.length > 0) return formats;
  return [
    ...checkAnnotationRules(schema),
    ...Object.entries(schema.components.schemas).flatMap(([name, node]) =>
      checkNode(schema, node, ["components", "schemas", name]),
    ),
  ];
}

function describe(error: ErrorObject): SchemaProblem {
  const path = error.instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const { params, parentSchema = {} } = error;
  if (error.keyword === "additionalProperties") {
    const found = String(params["additionalProperty"]);
    return {
      path: [...path, found],
      message: `no such keyword here; ${suggestion(found, Object.keys(parentSchema["properties"] ?? {}))}`,
    };
  }
  if (error.keyword === "required") return { path, message: `"${params["missingProperty"]}" is missing` };
  const found = typeof error.data === "object" ? "" : `found ${JSON.stringify(error.data)}, `;
  const allowed = params["allowedValues"] as string[] | undefined;
  return { path, message: `${found}${error.message}${allowed ? `: ${allowed.join(", ")}` : ""}` };
}

function suggestion(found: string, known: readonly string[]): string {
  const nearest = known.length > 0 ? closest(found, known) : "";
  const near = nearest !== "" && distance(found, nearest) <= Math.max(2, nearest.length / 3);
  return near ? `did you mean ${nearest}?` : `allowed are ${known.join(", ")}`;
}

/** What JavaScript understands and Go's RE2, in which the API server matches, does not. */
const onlyJavaScript = /\(\?<?[=!]|\\u|\\[1-9]|\\k/;

function checkFormat(name: string, format: FormatNode): SchemaProblem[] {
  const path = ["x-formats", name];
  if (onlyJavaScript.test(format.pattern)) {
    const message = "lookarounds, back references and \\u are not understood by the API server";
    return [{ path: [...path, "pattern"], message }];
  }
  try {
    new RegExp(format.pattern, "u");
  } catch (error) {
    return [{ path: [...path, "pattern"], message: (error as Error).message }];
  }
  return [
    ...format.refused
      .filter((value) => fits(value, format))
      .map((value) => ({ path: [...path, "refused"], message: `${JSON.stringify(value)} is of this form` })),
    ...(format.withVariables ?? [])
      .filter((value) => !fits(value, format) || withoutVariables(value) === value)
      .map((value) => ({
        path: [...path, "withVariables"],
        message: `${JSON.stringify(value)} is not of this form, or holds no variable`,
      })),
  ];
}

function fits(value: string, format: FormatNode): boolean {
  const checked = format.withVariables ? withoutVariables(value) : value;
  return value.length <= format.maxLength && new RegExp(format.pattern, "u").test(checked);
}

/** What annotations say of each other must be about annotations that are there. */
function checkAnnotationRules(schema: Schema): SchemaProblem[] {
  const all = annotationNodes(schema);
  const known = all.map(([name]) => name);
  return all.flatMap(([name, node]) =>
    (["x-of", "x-needs", "x-not-with", "x-one-with"] as const).flatMap((keyword) =>
      [node[keyword] ?? []]
        .flat()
        .filter((other) => !known.includes(other))
        .map((other) => ({
          path: ["components", "schemas", "Annotations", "properties", name, keyword],
          message: `no such annotation; ${suggestion(other, known)}`,
        })),
    ),
  );
}

function checkNode(schema: Schema, node: SchemaNode, path: string[]): SchemaProblem[] {
  const properties = Object.entries(node.properties ?? {});
  return [
    ...checkReferences(schema, node, path),
    ...checkValues(schema, node, path),
    ...properties.flatMap(([name, child]) => [
      ...checkNode(schema, child, [...path, "properties", name]),
      ...Object.keys(child["x-only-with"] ?? {})
        .filter((other) => node.properties?.[other] === undefined)
        .map((other) => ({
          path: [...path, "properties", name, "x-only-with", other],
          message: `no such field beside it; ${suggestion(other, Object.keys(node.properties ?? {}))}`,
        })),
    ]),
    ...(node.items ? checkNode(schema, node.items, [...path, "items"]) : []),
    ...(typeof node.additionalProperties === "object"
      ? checkNode(schema, node.additionalProperties, [...path, "additionalProperties"])
      : []),
  ];
}

function checkReferences(schema: Schema, node: SchemaNode, path: string[]): SchemaProblem[] {
  const formats = Object.keys(schema["x-formats"]);
  const components = Object.keys(schema.components.schemas);
  const name = node.$ref?.split("/").at(-1);
  const unknownFormats = (["x-format", "x-name-format"] as const).flatMap((keyword) => {
    const format = node[keyword];
    const message = `no such format; ${suggestion(format ?? "", formats)}`;
    return format === undefined || formats.includes(format) ? [] : [{ path: [...path, keyword], message }];
  });
  return [
    ...unknownFormats,
    ...(name === undefined || components.includes(name)
      ? []
      : [{ path: [...path, "$ref"], message: `no such schema; ${suggestion(name, components)}` }]),
    ...(node.required ?? [])
      .filter((field) => node.properties?.[field] === undefined)
      .map((field) => ({ path: [...path, "required"], message: `there is no property "${field}"` })),
    ...(node["x-only-with"] && !node.examples
      ? [{ path, message: '"examples" is missing: the rule of "x-only-with" is tried with one' }]
      : []),
  ];
}

/** Defaults and examples must be what the schema itself allows. */
function checkValues(schema: Schema, node: SchemaNode, path: string[]): SchemaProblem[] {
  const format = schema["x-formats"][node["x-format"] ?? ""];
  if (!format) return [];
  const values: [string, unknown][] = [
    ["default", node.default],
    ...(node.examples ?? []).map((example): [string, unknown] => ["examples", example]),
  ];
  return values
    .filter(([, value]) => typeof value === "string" && !fits(value, format))
    .map(([keyword, value]) => ({
      path: [...path, keyword],
      message: `found ${JSON.stringify(value)}; allowed is ${format.allowed}`,
    }));
}
