import { allNames } from "./names.ts";
import { component, inlined, type Rendered, type Source } from "./schema.ts";

/** Renders JSON Schemas for editors: one for OrasCache objects, one for the annotations of a Pod or Job. */
export function renderJsonSchemas(source: Source): Rendered[] {
  const { schema } = source;
  const names = allNames(source);
  const cache = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: names["kind"],
    ...inlined(schema, component(schema, "OrasCache")),
    required: ["apiVersion", "kind", "metadata"],
  };
  const properties = inlined(schema, cache).properties ?? {};
  const object = {
    ...cache,
    properties: {
      apiVersion: { const: names["apiVersion"] },
      kind: { const: names["kind"] },
      metadata: { type: "object" },
      ...properties,
    },
  };
  return [
    { path: "generated/schemas/orascache.schema.json", content: json(object) },
    { path: "generated/schemas/annotations.schema.json", content: json(annotationsSchema(source)) },
  ];
}

/** Annotations under the prefix are closed; others are free. */
function annotationsSchema({ schema }: Source): object {
  const prefix = String(schema["x-names"]["prefix"]);
  const patternProperties: Record<string, object> = {};
  for (const [name, node] of Object.entries(component(schema, "Annotations").properties ?? {})) {
    const format = schema["x-formats"][node["x-format"] ?? ""];
    const key = `^${escape(prefix + name)}${node["x-list"] ? "(_[1-9][0-9]*)?" : ""}$`;
    patternProperties[key] = {
      type: "string",
      description: node.description,
      ...(node.default === undefined ? {} : { default: node.default }),
      pattern: format?.pattern,
      maxLength: format?.maxLength,
      examples: node.examples,
    };
  }
  const known = Object.keys(patternProperties).join("|");
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Annotations of a Pod or Job",
    type: "object",
    patternProperties,
    propertyNames: { anyOf: [{ pattern: known }, { not: { pattern: `^${escape(prefix)}` } }] },
    additionalProperties: { type: "string" },
  };
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
