import schema from "../../../generated/schemas/oras-operator.schema.json" with { type: "json" };
import { names } from "../../../schema/names.ts";
import type { Topic } from "./topic.ts";

/** The part of a JSON Schema that is explained. */
interface Field {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly examples?: readonly unknown[];
  readonly patternErrorMessage?: string;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly items?: Field;
}

const words = [names.kind, names.plural, names.singular, names.shortName].map((word) => word.toLowerCase());

/** The fields of an OrasCache by their paths, as `kubectl explain` names them, and the OrasCache itself. */
export function fieldTopics(): Topic[] {
  const { apiVersion, kind, metadata, ...properties } = schema.definitions.OrasCache.properties;
  const root: Field = { ...(schema.definitions.OrasCache as Field), properties };
  return topicsBelow(root, "");
}

function topicsBelow(field: Field, path: string): Topic[] {
  // Fields of Kubernetes' own types have no description: Kubernetes explains them.
  const children = Object.entries((field.items ?? field).properties ?? {}).filter(
    ([, { description }]) => description !== undefined,
  );
  const below = (name: string) => (path === "" ? name : `${path}.${name}`);
  return [
    {
      section: `FIELDS of an ${names.kind}`,
      name: path === "" ? names.kind : path,
      aliases: path === "" ? words : words.map((word) => `${word}.${path}`.toLowerCase()),
      facts: [
        ["KIND", names.kind],
        ["VERSION", names.apiVersion],
        ...(path === "" ? [] : factsOf(field, path)),
      ],
      description: field.description ?? "",
      parts: children.map(([name, child]) => ({
        name: `${name} <${typeOf(child)}>`,
        description: child.description ?? "",
      })),
    },
    ...children.flatMap(([name, child]) => topicsBelow(child, below(name))),
  ];
}

function factsOf(field: Field, path: string): [string, string][] {
  const allowed = field.enum?.join(", ") ?? field.patternErrorMessage?.replace(/^Allowed is (.*)\.$/, "$1");
  const hasDefault = field.default !== undefined && typeof field.default !== "object";
  return [
    ["FIELD", `${path} <${typeOf(field)}>`],
    ...(allowed === undefined ? [] : [["ALLOWED", allowed] as [string, string]]),
    ...(hasDefault ? [["DEFAULT", String(field.default)] as [string, string]] : []),
    ...(field.examples ? [["EXAMPLE", String(field.examples[0])] as [string, string]] : []),
  ];
}

function typeOf({ type, items }: Field): string {
  const words = [type ?? "any"].flat().join(" or ");
  return items ? `[]${items.type}` : words;
}
