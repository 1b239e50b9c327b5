import { allNames } from "./names.ts";
import { dependencySchemas, nameFormat } from "./rules.ts";
import {
  annotationNodes,
  component,
  inlined,
  mapChildren,
  type Rendered,
  type SchemaNode,
  type Source,
} from "./schema.ts";
import { variablePattern } from "./variables.ts";

/** Renders JSON Schemas for editors: one for OrasCache objects, one for the annotations of a Pod or Job. */
export function renderJsonSchemas(source: Source): Rendered[] {
  const { schema } = source;
  const names = allNames(source);
  const { pattern, maxLength } = nameFormat(schema) ?? {};
  const cache = forEditors(inlined(schema, component(schema, "OrasCache")));
  const object = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: names["kind"],
    ...cache,
    "x-kubernetes-group-version-kind": [
      { group: names["group"], version: names["version"], kind: names["kind"] },
    ],
    required: ["apiVersion", "kind", "metadata"],
    properties: {
      apiVersion: { const: names["apiVersion"] },
      kind: { const: names["kind"] },
      metadata: { type: "object", properties: { name: { type: "string", pattern, maxLength } } },
      ...cache.properties,
    },
  };
  return [
    { path: "generated/schemas/orascache.schema.json", content: json(object) },
    { path: "generated/schemas/annotations.schema.json", content: json(annotationsSchema(source)) },
  ];
}

/** Plain JSON Schema: keywords of ours are gone, their rules are not; unknown fields are underlined. */
function forEditors(node: SchemaNode): SchemaNode {
  const plain = Object.entries(mapChildren(node, forEditors)).filter(([key]) => !key.startsWith("x-"));
  return {
    ...Object.fromEntries(plain),
    ...dependencySchemas(node, "dependentSchemas"),
    ...(node.properties && node.additionalProperties === undefined ? { additionalProperties: false } : {}),
  };
}

/** Annotations under the prefix are closed; others are free. */
function annotationsSchema({ schema }: Source): object {
  const prefix = String(schema["x-names"]["prefix"]);
  const patternProperties: Record<string, object> = {};
  for (const [name, node] of annotationNodes(schema)) {
    const format = schema["x-formats"][node["x-format"] ?? ""];
    const key = `^${quoted(prefix + name)}${node["x-list"] ? "(_[1-9][0-9]{0,5})?" : ""}$`;
    patternProperties[key] = {
      type: "string",
      description: node.description,
      ...(node.default === undefined ? {} : { default: node.default }),
      // What stands around a variable is checked at admission.
      ...(format?.withVariables
        ? { anyOf: [{ pattern: format.pattern }, { pattern: variablePattern(schema) }] }
        : { pattern: format?.pattern }),
      maxLength: format?.maxLength,
      examples: node.examples,
    };
  }
  // What the operator wrote itself is in every manifest that was read back from a cluster.
  const marker = `^${escape(String(schema["x-names"]["markerAnnotation"]))}$`;
  const known = [...Object.keys(patternProperties), marker].join("|");
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Annotations of a Pod or Job",
    type: "object",
    patternProperties,
    propertyNames: { anyOf: [{ pattern: known }, { not: { pattern: `^${quoted(prefix)}` } }] },
    additionalProperties: { type: "string" },
  };
}

function quoted(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
