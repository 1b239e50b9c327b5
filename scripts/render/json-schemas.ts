import { names } from "../../schema/names.ts";
import { type Place, places } from "../../src/workload/places.ts";
import { editorAnnotations, editorLabels, patternsOfKeys } from "./editor-annotations.ts";
import { component, inlined, mapChildren, type Rendered, type Schema, type SchemaNode } from "./schema.ts";

/**
 * Renders one JSON Schema for editors: whole Pods, Jobs, OrasCaches and what makes Pods and Jobs.
 *
 * Only what this product defines is described; the rest of each object stays open, so that the schema of Kubernetes
 * can be used beside it. Draft 7 and `if`/`then` by kind, because yaml-language-server completes and explains these
 * (`anyOf` gives one message for all branches). Its own words `patternErrorMessage` and `errorMessage` carry our
 * sentences; other readers ignore them.
 */
export function renderJsonSchemas(schema: Schema): Rendered[] {
  const apiVersions = places.map(({ group, version }) => (group === "" ? version : `${group}/${version}`));
  const kinds = [...places.map(({ kind }) => kind), names.kind, "List"];
  const content = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Kubernetes objects with annotations of oras-operator, and OrasCaches",
    type: "object",
    properties: {
      apiVersion: { type: "string", examples: [...new Set([...apiVersions, names.apiVersion])] },
      kind: { type: "string", examples: kinds },
    },
    allOf: kinds.map((kind) => ({
      // Not const: yaml-language-server takes "Job" for the beginning of "JobSet" while it completes.
      if: { required: ["kind"], properties: { kind: { pattern: `^${kind}$` } } },
      // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
      then: ref(kind),
    })),
    definitions: {
      ...Object.fromEntries(places.map((place) => [place.kind, maker(schema, place)])),
      [names.kind]: orasCache(schema),
      List: nested(["items[]"], { $ref: "#" }),
      StepMetadata: fields({ annotations: editorAnnotations(schema), labels: ref("Labels") }),
      Labels: editorLabels(schema),
    },
  };
  return [
    {
      path: "generated/schemas/oras-operator.schema.json",
      content: `${JSON.stringify(content, null, 2)}\n`,
    },
  ];
}

/** An object that is a Pod or makes Pods: only its metadata, and that of its templates, is described. */
function maker(schema: Schema, { read }: Place): Node {
  const unread = fields({ annotations: unreadAnnotations(schema, read), labels: ref("Labels") });
  return {
    allOf: [
      ...(read.includes("metadata") ? [] : [nested(["metadata"], unread)]),
      ...read.map((path) => nested(path.split("."), ref("StepMetadata"))),
    ],
  };
}

const kept = new Set(["x-kubernetes-validations", "x-kubernetes-list-map-keys"]);

interface Node {
  readonly [keyword: string]: unknown;
}

function fields(properties: object): Node {
  return { type: "object", properties };
}

/** A schema at a path, in which `[]` stands for each element of a list. */
function nested(path: readonly string[], leaf: Node): Node {
  return path.reduceRight<Node>((below, step) => {
    const list = step.endsWith("[]");
    return fields({ [step.replace("[]", "")]: list ? { type: "array", items: below } : below });
  }, leaf);
}

function ref(name: string): Node {
  return { $ref: `#/definitions/${name}` };
}

/** Annotations of an object that no webhook sees. */
function unreadAnnotations(schema: Schema, read: readonly string[]): Node {
  return {
    patternProperties: Object.fromEntries(patternsOfKeys(schema).map((pattern) => [pattern, false])),
    errorMessage: `The operator does not read annotations here: write them in ${read[0]}.annotations.`,
  };
}

function orasCache(schema: Schema): object {
  const cache = closed(inlined(schema, component(schema, "OrasCache")));
  return {
    ...cache,
    required: ["apiVersion", "kind", "metadata"],
    properties: {
      apiVersion: { const: names.apiVersion },
      kind: { const: names.kind },
      ...cache.properties,
      metadata: { ...cache.properties?.["metadata"], additionalProperties: true },
    },
  };
}

/**
 * Plain JSON Schema: keywords of the product are gone, their rules are not; unknown fields are underlined. Rules in CEL
 * and keys of lists stay, as keywords of Kubernetes: `validate` evaluates them, editors skip them.
 */
function closed(node: SchemaNode): SchemaNode {
  const { title, dependentRequired, dependentSchemas, ...rest } = mapChildren(node, closed);
  const dependencies = { ...dependentRequired, ...dependentSchemas };
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([key]) => !key.startsWith("x-") || kept.has(key))),
    ...(title !== undefined && node.pattern !== undefined
      ? { patternErrorMessage: `Allowed is ${title}.` }
      : {}),
    ...(Object.keys(dependencies).length > 0 ? { dependencies } : {}),
    ...(node["x-kubernetes-list-type"] === "set" ? { uniqueItems: true } : {}),
    ...(node.properties && node.additionalProperties === undefined ? { additionalProperties: false } : {}),
  };
}
