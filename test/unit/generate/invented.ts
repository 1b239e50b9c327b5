import { parseDocument } from "yaml";

/** Two annotations that the operator does not have. */
const annotations = {
  flavour: {
    type: "string",
    "x-format": "flavour",
    default: "vanilla",
    description: "What the artifact tastes of.",
    examples: ["mint"],
  },
  topping: {
    type: "string",
    "x-list": true,
    "x-format": "path",
    "x-default-text": "nothing at all",
    description: "What lies on top.",
    examples: ["/cream"],
  },
};
const flavour = {
  pattern: "^[a-z]+$",
  maxLength: 20,
  allowed: "a flavour of at most 20 letters",
  refused: ["Mint"],
};

/** Fields of every kind that the OrasCache does not have. */
const specFields = {
  freezer: { type: "string", enum: ["chest", "upright"], default: "chest", description: "Kind of freezer." },
  scoops: {
    type: "integer",
    minimum: 1,
    maximum: 5,
    "x-only-with": { freezer: "upright" },
    examples: ["2"],
    description: "How many scoops.",
  },
  sprinkles: {
    type: "object",
    additionalProperties: { type: "string", description: "Colour." },
    description: "By name.",
  },
  cones: {
    type: "array",
    description: "Cones.",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["kind"],
    items: {
      type: "object",
      description: "A cone.",
      required: ["kind"],
      properties: {
        kind: { type: "string", "x-format": "flavour", description: "What it is made of." },
        waferCount: { type: "integer", minimum: 0, default: 1, description: "Wafers." },
      },
    },
  },
  portion: { type: ["integer", "string"], description: "Number or percentage." },
  tray: { $ref: "#/components/schemas/Tray" },
};
const tray = {
  type: "object",
  description: "Where it stands.",
  properties: { shelf: { type: "string", default: "top", description: "Which shelf." } },
};

/** The names of the invented fields of an OrasCache's spec. */
export const inventedFields = Object.keys(specFields);

/**
 * The schema with two annotations, a format and several fields more.
 *
 * @param schemaText - YAML
 */
export function withInventions(schemaText: string): string {
  const document = parseDocument(schemaText);
  const schemas = ["components", "schemas"];
  const add = (path: string[], entries: object) => {
    for (const [name, value] of Object.entries(entries))
      document.setIn([...path, name], document.createNode(value));
  };
  add([...schemas, "Annotations", "properties"], annotations);
  add(["x-formats"], { flavour });
  add([...schemas, "OrasCacheSpec", "properties"], specFields);
  add([...schemas, "OrasCacheStatus", "properties"], {
    melted: { type: "boolean", description: "Too late." },
  });
  add(schemas, { Tray: tray });
  return String(document);
}
