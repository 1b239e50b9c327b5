const text = { type: "string", minLength: 1 } as const;
const strings = { type: "array", items: { type: "string" } } as const;
const typeName = { enum: ["string", "boolean", "integer", "number", "object", "array"] } as const;

/** Keywords of a field: JSON Schema as a structural schema of Kubernetes has it, and those of ours. */
const node = {
  type: "object",
  additionalProperties: false,
  patternProperties: { "^x-kubernetes-(list-type|list-map-keys|map-type|validations)$": {} },
  properties: {
    $ref: { type: "string", pattern: "^#/components/schemas/[A-Za-z]+$" },
    type: { anyOf: [typeName, { type: "array", items: typeName }] },
    description: text,
    default: {},
    enum: strings,
    format: text,
    pattern: text,
    minLength: { type: "integer" },
    maxLength: { type: "integer" },
    minimum: { type: "integer" },
    maximum: { type: "integer" },
    minItems: { type: "integer" },
    maxItems: { type: "integer" },
    examples: strings,
    required: strings,
    properties: { type: "object", additionalProperties: { $ref: "#/$defs/node" } },
    items: { $ref: "#/$defs/node" },
    additionalProperties: { anyOf: [{ type: "boolean" }, { $ref: "#/$defs/node" }] },
    "x-format": text,
    "x-only-with": { type: "object", minProperties: 1 },
    "x-name-format": text,
    "x-short-names": { type: "array", items: text },
    "x-printer-columns": {
      type: "array",
      items: {
        type: "object",
        required: ["name", "type", "jsonPath"],
        additionalProperties: false,
        properties: { name: text, type: text, jsonPath: text, priority: { type: "integer" } },
      },
    },
  },
  if: { required: ["$ref"] },
  // biome-ignore lint/suspicious/noThenProperty: it is a keyword of JSON Schema
  then: { propertyNames: { enum: ["$ref", "description", "default"] } },
  else: { required: ["type", "description"] },
} as const;

const annotation = {
  type: "object",
  required: ["type", "x-format", "description", "examples"],
  additionalProperties: false,
  properties: {
    type: { const: "string" },
    description: text,
    default: { type: "string" },
    examples: { ...strings, minItems: 1 },
    "x-format": text,
    "x-list": { type: "boolean" },
    "x-of": text,
    "x-needs": text,
    "x-not-with": strings,
    "x-one-with": strings,
    "x-default-text": text,
  },
  anyOf: [{ required: ["default"] }, { required: ["x-default-text"] }],
} as const;

/** An object schema whose properties are all of one form. */
const table = (entry: object) =>
  ({
    type: "object",
    required: ["type", "description", "additionalProperties", "properties"],
    additionalProperties: false,
    properties: {
      type: { const: "object" },
      description: text,
      additionalProperties: { const: false },
      properties: { type: "object", additionalProperties: entry },
    },
  }) as const;

const format = {
  type: "object",
  required: ["pattern", "maxLength", "allowed", "refused"],
  additionalProperties: false,
  properties: {
    pattern: text,
    maxLength: { type: "integer" },
    allowed: text,
    refused: { ...strings, minItems: 1 },
    withVariables: { ...strings, minItems: 1 },
  },
} as const;

/** What schema/oras-operator.yaml itself must look like. */
export const metaSchema = {
  type: "object",
  required: ["openapi", "info", "x-formats", "components"],
  additionalProperties: false,
  properties: {
    openapi: { const: "3.1.0" },
    info: {
      type: "object",
      required: ["title", "version"],
      properties: { title: text, version: { type: "string", pattern: "^v[0-9]+((alpha|beta)[0-9]+)?$" } },
    },
    paths: { type: "object" },
    "x-formats": { type: "object", additionalProperties: format },
    components: {
      type: "object",
      required: ["schemas"],
      additionalProperties: false,
      properties: {
        schemas: {
          type: "object",
          required: ["Annotations", "OrasCache", "OrasCacheSpec", "OrasCacheStatus"],
          properties: { Annotations: table(annotation) },
          additionalProperties: { $ref: "#/$defs/node" },
        },
      },
    },
  },
  $defs: { node },
} as const;
