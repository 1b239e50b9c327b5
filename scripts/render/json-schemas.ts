import { names } from "../../schema/names.ts";
import { editorAnnotations, editorLabels, patternsOfKeys } from "./editor-annotations.ts";
import { dependencySchemas, nameFormat } from "./rules.ts";
import {
  component,
  type FormatNode,
  mapChildren,
  type Rendered,
  referred,
  type Schema,
  type SchemaNode,
} from "./schema.ts";

/**
 * Renders one JSON Schema for editors: whole Pods, Jobs, OrasCaches and what makes Pods and Jobs.
 *
 * Only what this product defines is described; the rest of each object stays open, so that the schema of Kubernetes
 * can be used beside it. Draft 7 and `if`/`then` by kind, because yaml-language-server completes and explains these
 * (`anyOf` gives one message for all branches). Its own words `patternErrorMessage` and `errorMessage` carry our
 * sentences; other readers ignore them.
 */
export function renderJsonSchemas(schema: Schema): Rendered[] {
  const fields = (properties: object) => ({ type: "object", properties });
  const maker = (place: string, spec: object) =>
    fields({
      metadata: fields({ annotations: unreadAnnotations(place), labels: ref("Labels") }),
      spec: fields(spec),
    });
  const pod = fields({ metadata: ref("StepMetadata"), spec: { type: "object" } });
  const job = fields({ metadata: ref("StepMetadata"), spec: fields({ template: ref("Pod") }) });
  const controller = maker("spec.template.metadata", { template: ref("Pod") });
  const jobSet = maker("spec.replicatedJobs[].template.metadata", {
    replicatedJobs: { type: "array", items: fields({ template: ref("Job") }) },
  });
  const definitions: Record<string, object> = {
    Pod: pod,
    Job: job,
    CronJob: maker("spec.jobTemplate.metadata", { jobTemplate: ref("Job") }),
    Controller: controller,
    JobSet: jobSet,
    [names.kind]: orasCache(schema),
    List: fields({ items: { type: "array", items: { $ref: "#" } } }),
    StepMetadata: fields({ annotations: editorAnnotations(schema), labels: ref("Labels") }),
    Labels: editorLabels(),
  };
  const controllers = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];
  const kinds = ["Pod", "Job", "CronJob", ...controllers, "JobSet", names.kind, "List"];
  const content = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Kubernetes objects with annotations of oras-operator, and OrasCaches",
    type: "object",
    properties: {
      apiVersion: { type: "string", examples: ["v1", "batch/v1", "apps/v1", names.apiVersion] },
      kind: { type: "string", examples: kinds },
    },
    allOf: kinds.map((kind) => ({
      if: { required: ["kind"], properties: { kind: { const: kind } } },
      // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
      then: ref(controllers.includes(kind) ? "Controller" : kind),
    })),
    definitions,
  };
  return [
    {
      path: "generated/schemas/oras-operator.schema.json",
      content: `${JSON.stringify(content, null, 2)}\n`,
    },
  ];
}

function ref(name: string): object {
  return { $ref: `#/definitions/${name}` };
}

/** Annotations of an object that no webhook sees. */
function unreadAnnotations(place: string): object {
  return {
    patternProperties: Object.fromEntries(patternsOfKeys().map((pattern) => [pattern, false])),
    errorMessage: `The operator does not read annotations here: write them in ${place}.annotations.`,
  };
}

function orasCache(schema: Schema): object {
  const cache = closed(schema, component(schema, "OrasCache"));
  return {
    ...cache,
    required: ["apiVersion", "kind", "metadata"],
    properties: {
      apiVersion: { const: names.apiVersion },
      kind: { const: names.kind },
      metadata: { type: "object", properties: { name: formOf(nameFormat(schema)) } },
      ...cache.properties,
    },
  };
}

/** Plain JSON Schema: keywords of the product are gone, their rules are not; unknown fields are underlined. */
function closed(schema: Schema, node: SchemaNode): SchemaNode {
  if (node.$ref !== undefined) return closed(schema, referred(schema, node));
  const mapped = mapChildren(node, (child) => closed(schema, child));
  const format = schema["x-formats"][node["x-format"] ?? ""];
  return {
    ...Object.fromEntries(Object.entries(mapped).filter(([key]) => !key.startsWith("x-"))),
    ...(format ? formOf(format) : {}),
    ...dependencySchemas(node, "dependencies"),
    ...(node.properties && node.additionalProperties === undefined ? { additionalProperties: false } : {}),
  };
}

function formOf(format: FormatNode | undefined): object {
  if (!format) return { type: "string" };
  const { pattern, maxLength, allowed } = format;
  return { type: "string", pattern, maxLength, patternErrorMessage: `Allowed is ${allowed}.` };
}
