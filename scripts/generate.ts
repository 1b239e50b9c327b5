import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { leftOvers, staleFiles } from "./fresh.ts";
import { valuesTable } from "./render/chart.ts";
import { stepFence } from "./render/fence.ts";
import { renderAll } from "./render/index.ts";
import { parseSchema } from "./render/read.ts";
import type { Rendered, Schema } from "./render/schema.ts";

const schemaFile = "schema/oras-operator.yaml";
const { values: flags } = parseArgs({ options: { check: { type: "boolean", default: false } } });

const schema = await readSchema();
const rendered = [
  ...(await renderAll(schema)),
  await withPart("chart/README.md", "values", valuesTable()),
  await withPart("docs/security.md", "fence", stepFence()),
];

if (flags.check) {
  const stale = await staleFiles(rendered, ".");
  if (stale.length > 0) {
    const paths = stale.map((path) => `  ${path}`).join("\n");
    console.error(`Not what schema/ and the tables of src/ give now:\n${paths}\nRun: npm run generate`);
    process.exit(1);
  }
  console.log(`${rendered.length} generated files are up to date.`);
} else {
  const changed = await staleFiles(rendered, ".");
  for (const { path, content } of rendered) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  for (const path of await leftOvers(rendered, ".")) await rm(path);
  for (const path of changed) console.log(`  ${path}`);
  console.log(`${changed.length} of ${rendered.length} generated files changed.`);
}

/** What is wrong with the schema is printed without a stack trace. */
async function readSchema(): Promise<Schema> {
  try {
    return parseSchema(await readFile(schemaFile, "utf8"), schemaFile);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}

/** A page with what is generated between its markers. */
async function withPart(path: string, name: string, part: string): Promise<Rendered> {
  const page = await readFile(path, "utf8");
  const block = new RegExp(`(<!-- ${name}:begin[^>]*-->\\n)[\\s\\S]*?(<!-- ${name}:end -->)`);
  if (!block.test(page)) {
    throw new Error(
      `${path} has no place for what is generated: <!-- ${name}:begin --> and <!-- ${name}:end -->`,
    );
  }
  return {
    path,
    content: page.replace(block, (_, begin: string, end: string) => `${begin}${part}\n${end}`),
  };
}
