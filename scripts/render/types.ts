import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";
import { header, mapValues, type Rendered, type SchemaNode, type Source } from "./schema.ts";

/** Renders the types with openapi-typescript: as submitted, and as stored with every default filled in. */
export async function renderTypes(source: Source): Promise<Rendered> {
  const stored = {
    ...source.schema,
    components: { schemas: mapValues(source.schema.components.schemas, requireDefaults) },
  };
  const submitted = await schemasOf(source.schema);
  const filled = await schemasOf(stored);
  return {
    path: "generated/types.ts",
    content: `${header(source)}import type { V1ObjectMeta } from "@kubernetes/client-node";

${named(submitted, "Submitted")}
${named(filled, "Stored")}
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

async function schemasOf(document: Source["schema"]): Promise<string> {
  const ast = await openapiTS(document as unknown as OpenAPI3, { defaultNonNullable: false });
  const text = astToString(ast);
  const start = text.indexOf("export interface components");
  const end = text.indexOf("\n}", start) + 3;
  return text
    .slice(start, end)
    .replace(/\n {4}(responses|parameters|requestBodies|headers|pathItems): never;/g, "");
}

function named(text: string, name: string): string {
  return text
    .replace("export interface components", `interface ${name}`)
    .replaceAll("components[", `${name}[`);
}

function requireDefaults(node: SchemaNode): SchemaNode {
  if (!node.properties) return node;
  // A reference has its default at the schema that it refers to.
  const withDefault = Object.entries(node.properties).filter(
    ([, property]) => property.default !== undefined || property.$ref?.endsWith("Spec"),
  );
  const required = [...(node.required ?? []), ...withDefault.map(([name]) => name)];
  return { ...node, ...(required.length > 0 ? { required } : {}) };
}
