import { stringify } from "yaml";
import { names } from "../../schema/names.ts";
import { explanation, rulesOf } from "./rules.ts";
import {
  component,
  inlined,
  mapValues,
  notice,
  type Rendered,
  type Schema,
  type SchemaNode,
} from "./schema.ts";

const objectFields: Record<string, SchemaNode> = {
  apiVersion: { type: "string", description: "Version of the API that this object is written for." },
  kind: { type: "string", description: "Kind of this object." },
};

/** Renders the CustomResourceDefinition, for kustomize and for the chart. */
export function renderCrd(schema: Schema): Rendered[] {
  const root = inlined(schema, component(schema, "OrasCache"));
  // The API server describes metadata itself, and shows CEL the name at the root.
  const { pattern, maxLength, title } = root.properties?.["metadata"]?.properties?.["name"] ?? {};
  const nameRule = {
    rule: `self.metadata.name.size() <= ${maxLength} && self.metadata.name.matches(r'${pattern}')`,
    message: `metadata.name: allowed is ${title}`,
  };
  const properties = { ...objectFields, ...root.properties, metadata: { type: "object" } };
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
        shortNames: [names.shortName],
      },
      versions: [
        {
          name: names.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: root["x-printer-columns"],
          schema: {
            openAPIV3Schema: {
              ...structural({ ...root, properties }),
              "x-kubernetes-validations": [nameRule, ...rulesOf(root)],
            },
          },
        },
      ],
    },
  };
  const text = `# ${notice}\n${stringify(crd, { lineWidth: 110, version: "1.1" })}`;
  return [
    { path: "config/crd/orascaches.yaml", content: text },
    { path: "chart/crds/orascaches.yaml", content: text },
  ];
}

/** A schema as Kubernetes writes it: what JSON Schema says otherwise has a keyword there. */
function structural(node: SchemaNode, description = node.description): object {
  const { type, title, description: _, examples, properties, items, additionalProperties, ...rest } = node;
  // The API server takes a list for a text that has a format (kube-openapi, typeValidator): of texts only dates keep it.
  if (type === "string" && rest.format !== "date-time") delete rest.format;
  const rules = rulesOf(node);
  return {
    ...(description && { description }),
    ...(Array.isArray(type) ? { "x-kubernetes-int-or-string": true } : { type }),
    ...Object.fromEntries(Object.entries(rest).filter(([keyword]) => !derivedOrOwn.test(keyword))),
    ...(properties && {
      properties: mapValues(properties, (child, name) => structural(child, explained(node, name))),
    }),
    ...(items && { items: structural(items) }),
    ...(additionalProperties === true ? { "x-kubernetes-preserve-unknown-fields": true } : {}),
    ...(typeof additionalProperties === "object"
      ? { additionalProperties: structural(additionalProperties) }
      : {}),
    ...(rules.length > 0 ? { "x-kubernetes-validations": rules } : {}),
  };
}

/** Keywords that become rules, and those that no structural schema has. */
const derivedOrOwn = /^(dependent|x-(?!kubernetes-))/;

/** What `kubectl explain` prints: it shows neither defaults nor patterns nor rules by itself. */
function explained(parent: SchemaNode, name: string): string {
  const fallback = parent.properties?.[name]?.default;
  const sentence = fallback === undefined || typeof fallback === "object" ? "" : ` Default: ${fallback}.`;
  return explanation(parent, name) + sentence;
}
