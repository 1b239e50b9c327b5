import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";
import {
  header,
  mapChildren,
  mapValues,
  type Rendered,
  referred,
  type Schema,
  type SchemaNode,
} from "./schema.ts";

/** Renders the types with openapi-typescript: as submitted, and as stored with every default filled in. */
export async function renderTypes(schema: Schema): Promise<Rendered> {
  const stored = mapValues(reachable(schema, "OrasCache"), (node) => requireDefaults(schema, node));
  return {
    path: "generated/types.ts",
    content: `${header}import type { V1ObjectMeta } from "@kubernetes/client-node";

${await interfaceOf(schema, schema.components.schemas, "Submitted")}
${await interfaceOf(schema, stored, "Stored")}
interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
}

/** An OrasCache as somebody submits it: everything may be left out. */
export type OrasCache = KubernetesObject & Submitted["schemas"]["OrasCache"];
/** An OrasCache as the API server stores it: defaults are filled in. */
export type StoredOrasCache = KubernetesObject & Stored["schemas"]["OrasCache"];
export type OrasCacheSpec = Submitted["schemas"]["OrasCacheSpec"];
export type StoredOrasCacheSpec = Stored["schemas"]["OrasCacheSpec"];
export type OrasCacheStatus = Submitted["schemas"]["OrasCacheStatus"];
export type Condition = Submitted["schemas"]["Condition"];
/** Values of annotations by their names without the prefix. */
export type AnnotationValues = Submitted["schemas"]["Annotations"];
`,
  };
}

/** The schemas as one TypeScript interface. */
async function interfaceOf(
  schema: Schema,
  schemas: Record<string, SchemaNode>,
  name: string,
): Promise<string> {
  const { openapi, info } = schema;
  const document = { openapi, info, paths: {}, components: { schemas } };
  const ast = await openapiTS(document as unknown as OpenAPI3, { defaultNonNullable: false });
  const text = astToString(ast);
  const start = text.indexOf("export interface components");
  return text
    .slice(start, text.indexOf("\n}", start) + 3)
    .replace(/\n {4}(responses|parameters|requestBodies|headers|pathItems): never;/g, "")
    .replace("export interface components", `interface ${name}`)
    .replaceAll("components[", `${name}[`)
    .replaceAll(/^( {4})+/gm, (indent) => indent.slice(indent.length / 2));
}

/** A schema and those that it refers to, by their names. */
function reachable(schema: Schema, name: string): Record<string, SchemaNode> {
  const found: Record<string, SchemaNode> = {};
  const follow = (node: SchemaNode): SchemaNode => {
    const next = node.$ref?.split("/").at(-1);
    if (next !== undefined && found[next] === undefined) add(next);
    return mapChildren(node, follow);
  };
  const add = (next: string) => {
    const node = referred(schema, { $ref: `#/components/schemas/${next}` });
    found[next] = node;
    follow(node);
  };
  add(name);
  return found;
}

/** What has a default is always there once stored. */
function requireDefaults(schema: Schema, node: SchemaNode): SchemaNode {
  const withDefault = Object.entries(node.properties ?? {})
    .filter(([, property]) => referred(schema, property).default !== undefined)
    .map(([name]) => name);
  const required = [...new Set([...(node.required ?? []), ...withDefault])];
  return {
    ...mapChildren(node, (child) => requireDefaults(schema, child)),
    ...(required.length > 0 ? { required } : {}),
  };
}
