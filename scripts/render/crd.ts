import { stringify } from "yaml";
import { names } from "../../schema/names.ts";
import { nameRules, rulesOf } from "./rules.ts";
import {
  component,
  inlined,
  mapChildren,
  notice,
  type Rendered,
  type Schema,
  type SchemaNode,
} from "./schema.ts";

const objectFields: Record<string, SchemaNode> = {
  apiVersion: { type: "string", description: "Version of the API that this object is written for." },
  kind: { type: "string", description: "Kind of this object." },
  metadata: { type: "object" },
};

/** Renders the CustomResourceDefinition, for kustomize and for the chart. */
export function renderCrd(schema: Schema): Rendered[] {
  const root = inlined(schema, component(schema, "OrasCache"));
  const crd = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${names.plural}.${names.group}` },
    spec: {
      group: names.group,
      scope: "Namespaced",
      names: {
        kind: names.kind,
        listKind: `${names.kind}List`,
        plural: names.plural,
        singular: names.singular,
        shortNames: root["x-short-names"],
      },
      versions: [
        {
          name: names.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: root["x-printer-columns"],
          schema: {
            openAPIV3Schema: structural(
              schema,
              { ...root, properties: { ...objectFields, ...root.properties } },
              nameRules(schema),
            ),
          },
        },
      ],
    },
  };
  const text = `# ${notice}\n${stringify(crd, { lineWidth: 110 })}`;
  return [
    { path: "config/crd/orascaches.yaml", content: text },
    { path: "chart/crds/orascaches.yaml", content: text },
  ];
}

/** Keywords that a structural schema takes as they are. */
const plainKeywords = [
  "default",
  "enum",
  "pattern",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "minItems",
  "maxItems",
  "required",
  "properties",
  "items",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-map-type",
] as const satisfies readonly (keyof SchemaNode)[];

/** A schema as Kubernetes writes it: what JSON Schema says otherwise has a keyword of its own there. */
function structural(schema: Schema, node: SchemaNode, more: readonly object[] = []): SchemaNode {
  const { format, ...inside } = mapChildren(node, (child) => structural(schema, child));
  const rules = [...more, ...rulesOf(node)];
  return {
    ...(node.description === undefined ? {} : { description: explanation(schema, node) }),
    ...(Array.isArray(node.type) ? { "x-kubernetes-int-or-string": true } : { type: node.type }),
    ...Object.fromEntries(
      plainKeywords.filter((key) => inside[key] !== undefined).map((key) => [key, inside[key]]),
    ),
    // The API server takes a list for a string that has this format: its validator then does not look at the type.
    ...(format === undefined || format === "password" ? {} : { format }),
    ...(node.additionalProperties === true ? { "x-kubernetes-preserve-unknown-fields": true } : {}),
    ...(typeof node.additionalProperties === "object"
      ? { additionalProperties: inside.additionalProperties }
      : {}),
    ...(rules.length > 0 ? { "x-kubernetes-validations": rules } : {}),
  } as SchemaNode;
}

/** What `kubectl explain` prints: it shows neither defaults nor patterns nor rules by itself. */
function explanation(schema: Schema, node: SchemaNode): string {
  const allowed = schema["x-formats"][node["x-format"] ?? ""]?.allowed;
  const conditions = Object.entries(node["x-only-with"] ?? {});
  return [
    node.description,
    allowed === undefined ? "" : `Allowed: ${allowed}.`,
    node.default === undefined || typeof node.default === "object" ? "" : `Default: ${node.default}.`,
    ...conditions.map(([name, value]) => `Only where ${name} is ${JSON.stringify(value)}.`),
  ]
    .filter((sentence) => sentence !== "")
    .join(" ");
}
