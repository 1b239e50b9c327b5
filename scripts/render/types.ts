import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";
import { header, type Rendered, type Schema } from "./schema.ts";

/** Renders the types with openapi-typescript: as submitted, and as stored with every default filled in. */
export async function renderTypes(schema: Schema): Promise<Rendered[]> {
  return [
    { path: "generated/submitted.ts", content: await types(schema, false) },
    { path: "generated/stored.ts", content: await types(schema, true) },
  ];
}

async function types(schema: Schema, defaultNonNullable: boolean): Promise<string> {
  const document = schema as unknown as OpenAPI3;
  return `${header}${astToString(await openapiTS(document, { defaultNonNullable }))}`;
}
