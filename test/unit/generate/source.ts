import { readFile } from "node:fs/promises";
import { parseSchema } from "../../../scripts/render/read.ts";

/** Where the schema is. */
export const schemaFile = "schema/oras-operator.yaml";

/** The schema as it is written. */
export const schemaText = await readFile(schemaFile, "utf8");

/** The product's version. */
export const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };

/** The schema as renderers get it. */
export const source = parseSchema(schemaText, schemaFile, version);
