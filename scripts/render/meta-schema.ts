const node = {
  type: "object",
  properties: {
    type: { enum: ["string", "boolean", "integer", "object", "array"] },
    description: { type: "string", minLength: 1 },
    properties: { type: "object", additionalProperties: { $ref: "#/$defs/node" } },
    items: { $ref: "#/$defs/node" },
  },
  anyOf: [{ required: ["$ref"] }, { required: ["type", "description"] }],
} as const;

/** What schema/oras-operator.yaml itself must look like. */
export const metaSchema = {
  type: "object",
  required: ["openapi", "info", "x-names", "x-exit-codes", "x-formats", "components"],
  properties: {
    openapi: { const: "3.1.0" },
    "x-names": { type: "object", additionalProperties: { type: ["string", "integer"] } },
    "x-exit-codes": {
      type: "object",
      additionalProperties: {
        type: "object",
        required: ["code", "container", "meaning"],
        additionalProperties: false,
        properties: { code: { type: "integer", minimum: 1, maximum: 255 }, container: {}, meaning: {} },
      },
    },
    "x-formats": {
      type: "object",
      additionalProperties: {
        type: "object",
        required: ["pattern", "maxLength", "allowed"],
        additionalProperties: false,
        properties: {
          pattern: { type: "string" },
          maxLength: { type: "integer" },
          allowed: { type: "string" },
        },
      },
    },
    components: {
      type: "object",
      required: ["schemas"],
      properties: {
        schemas: {
          type: "object",
          required: ["Annotations", "OrasCache", "OrasCacheSpec", "OrasCacheStatus", "ManagerOptions"],
          additionalProperties: { $ref: "#/$defs/node" },
          properties: {
            Annotations: {
              properties: {
                properties: {
                  additionalProperties: {
                    type: "object",
                    required: ["type", "x-format", "description", "examples"],
                    properties: {
                      type: { const: "string" },
                      "x-list": { type: "boolean" },
                      default: { type: "string" },
                      "x-default-text": { type: "string" },
                      examples: { type: "array", minItems: 1 },
                    },
                    anyOf: [{ required: ["default"] }, { required: ["x-default-text"] }],
                  },
                },
              },
            },
          },
        },
      },
    },
  },
  $defs: { node },
} as const;
