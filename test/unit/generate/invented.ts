import { parseDocument } from "yaml";

/** Two annotations that the operator does not have. */
const annotations = {
  flavour: {
    $ref: "#/components/schemas/Flavour",
    default: "vanilla",
    description: "What the artifact tastes of.",
    examples: ["mint"],
  },
  topping: {
    type: "array",
    items: { $ref: "#/components/schemas/Path" },
    "x-default-text": "nothing at all",
    description: "What lies on top.",
    examples: ["/cream"],
  },
};
const flavour = {
  type: "string",
  pattern: "^[a-z]+$",
  maxLength: 20,
  title: "a flavour of at most 20 letters",
  "x-refused": ["Mint"],
};

/** Fields of every kind that the OrasCache does not have. */
const specFields = {
  freezer: { type: "string", enum: ["chest", "upright"], default: "chest", description: "Kind of freezer." },
  scoops: {
    type: "integer",
    minimum: 1,
    maximum: 5,
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
        kind: { $ref: "#/components/schemas/Flavour", description: "What it is made of." },
        waferCount: { type: "integer", minimum: 0, default: 1, description: "Wafers." },
      },
    },
  },
  portion: { type: ["integer", "string"], description: "Number or percentage." },
  recipe: { type: "string", format: "password", description: "Not for everybody." },
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
  add([...schemas, "OrasCacheSpec", "properties"], specFields);
  add([...schemas, "OrasCacheStatus", "properties"], {
    melted: { type: "boolean", description: "Too late." },
  });
  add([...schemas, "OrasCacheSpec", "dependentSchemas"], {
    scoops: { required: ["freezer"], properties: { freezer: { const: "upright" } } },
    sprinkles: { properties: { portion: false } },
  });
  add([...schemas, "OrasCacheSpec"], { dependentRequired: { tray: ["portion"] } });
  add([...schemas, "Annotations", "dependentRequired"], { topping: ["output-uri"] });
  add([...schemas, "Annotations", "dependentSchemas"], { flavour: { properties: { "oras-env": false } } });
  add(schemas, { Flavour: flavour, Tray: tray });
  return String(document);
}
