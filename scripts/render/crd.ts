import { stringify } from "yaml";
import { names } from "../../schema/names.ts";
import { nameRules, onlyWhere, type Rule, rulesOf } from "./rules.ts";
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
  // The API server knows metadata by itself: what is allowed in it is a rule.
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
            openAPIV3Schema: structural({ ...root, properties }, undefined, nameRules(schema)),
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

/**
 * A schema as Kubernetes writes it: what JSON Schema says otherwise has a keyword of its own there.
 *
 * @param where - what must hold where this field is set, in words
 * @param more - rules besides the schema's own
 */
function structural(node: SchemaNode, where?: string, more: readonly Rule[] = []): object {
  const { type, title, description, examples, properties, items, additionalProperties, ...rest } = node;
  // The API server takes a list for a text that has a format (kube-openapi, typeValidator): of texts only dates keep it.
  if (type === "string" && rest.format !== "date-time") delete rest.format;
  const rules = [...more, ...rulesOf(node)];
  return {
    ...(description === undefined ? {} : { description: explanation(node, where) }),
    ...(Array.isArray(type) ? { "x-kubernetes-int-or-string": true } : { type }),
    ...Object.fromEntries(Object.entries(rest).filter(([keyword]) => !derivedOrOwn.test(keyword))),
    ...(properties && {
      properties: mapValues(properties, (child, name) => structural(child, onlyWhere(node, name))),
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
const derivedOrOwn = /^(dependent|x-kubernetes-validations$|x-(?!kubernetes-))/;

/** What `kubectl explain` prints: it shows neither defaults nor patterns nor rules by itself. */
function explanation(node: SchemaNode, where: string | undefined): string {
  const { description, title, default: fallback } = node;
  return [
    description,
    title === undefined ? "" : `Allowed: ${title}.`,
    fallback === undefined || typeof fallback === "object" ? "" : `Default: ${fallback}.`,
    where === undefined ? "" : `Only where ${where}.`,
  ]
    .filter((sentence) => sentence !== "")
    .join(" ");
}
