const text = { type: "string", minLength: 1 } as const;
const texts = { type: "array", items: text, minItems: 1 } as const;

/** Words of JSON Schema that renderers understand: they would leave out what any other one says, silently. */
const standard = [
  ...["$ref", "type", "title", "description", "default", "enum", "const", "format", "pattern", "minLength"],
  ...[
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "examples",
    "required",
    "properties",
    "items",
  ],
  ...["additionalProperties", "dependentRequired", "dependentSchemas"],
];

/** Words besides those of JSON Schema. */
const own = {
  "x-of": text,
  "x-default-text": text,
  "x-variables": texts,
  "x-refused": texts,
  "x-printer-columns": {
    type: "array",
    items: {
      type: "object",
      required: ["name", "type", "jsonPath"],
      properties: { name: text, type: text, jsonPath: text },
    },
  },
  "x-kubernetes-list-type": { enum: ["atomic", "set", "map"] },
  "x-kubernetes-list-map-keys": texts,
  "x-kubernetes-map-type": { enum: ["atomic", "granular"] },
  "x-kubernetes-validations": {
    type: "array",
    items: { type: "object", required: ["rule", "message"], properties: { rule: text, message: text } },
  },
} as const;

export const keywords: readonly string[] = [...standard, ...Object.keys(own)];

/** What a schema must look like: the meta-schema of JSON Schema, with fewer words and those of ours, at every depth. */
const node = {
  $id: "https://oras-operator/node",
  $dynamicAnchor: "meta",
  $ref: "https://json-schema.org/draft/2020-12/schema",
  propertyNames: { enum: keywords },
  properties: { ...own, examples: texts, enum: texts },
} as const;

/** What schema/oras-operator.yaml itself must look like. */
export const metaSchema = {
  type: "object",
  required: ["openapi", "info", "components"],
  additionalProperties: false,
  properties: {
    openapi: { const: "3.1.0" },
    info: { type: "object", required: ["title", "version"] },
    paths: { type: "object" },
    components: {
      type: "object",
      required: ["schemas"],
      additionalProperties: false,
      properties: {
        schemas: {
          type: "object",
          required: ["Annotations", "OrasCache", "OrasCacheSpec", "OrasCacheStatus"],
          additionalProperties: node,
        },
      },
    },
  },
} as const;
