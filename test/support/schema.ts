import { readFile } from "node:fs/promises";
import { parseSchema } from "../../scripts/render/read.ts";

/** Where the schema is. */
export const schemaFile = "schema/oras-operator.yaml";

/** The schema as it is written. */
export const schemaText = await readFile(schemaFile, "utf8");

/** The schema as renderers get it. */
export const schema = parseSchema(schemaText, schemaFile);
