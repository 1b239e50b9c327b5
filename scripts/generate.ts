import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { leftOvers, readIfThere, staleFiles } from "./fresh.ts";
import { annotationTable } from "./render/docs.ts";
import { renderNames } from "./render/names.ts";
import { parseSchema } from "./render/read.ts";
import type { Rendered, Source } from "./render/schema.ts";

const { values: flags } = parseArgs({
  options: {
    check: { type: "boolean", default: false },
    schema: { type: "string", default: "schema/oras-operator.yaml" },
    out: { type: "string", default: "." },
  },
});

const source = await readSource(flags.schema);
// Permissions are rendered from what the program asks for, and it takes names from here: they come first.
if (!flags.check) await write(renderNames(source));
const { renderAll } = await import("./render/index.ts");
const rendered = [...(await renderAll(source)), ...(await readmeWithTable(source))];

if (flags.check) {
  const stale = await staleFiles(rendered, flags.out);
  if (stale.length > 0) {
    console.error(
      `Not up to date with ${flags.schema}:\n${stale.map((p) => `  ${p}`).join("\n")}\nRun: npm run generate`,
    );
    process.exit(1);
  }
  console.log(`${rendered.length} generated files are up to date.`);
} else {
  for (const file of rendered) await write(file);
  for (const path of await leftOvers(rendered, flags.out)) await rm(join(flags.out, path));
  console.log(`${rendered.length} files generated.`);
}

async function write({ path, content }: Rendered): Promise<void> {
  const target = join(flags.out, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content);
}

/** The schema with the product's version; what is wrong with it is told without a stack trace. */
async function readSource(file: string): Promise<Source> {
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  try {
    return parseSchema(await readFile(file, "utf8"), file, version);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}

/** README.md with the annotation table between its markers. */
async function readmeWithTable(from: Source): Promise<Rendered[]> {
  const readme = await readIfThere("README.md");
  const block = /(<!-- annotations:begin[^>]*-->\n)[\s\S]*?(<!-- annotations:end -->)/;
  if (readme === undefined || !block.test(readme)) {
    throw new Error("README.md has no place for the annotation table: <!-- annotations:begin --> and :end");
  }
  const content = readme.replace(
    block,
    (_, begin: string, end: string) => `${begin}${annotationTable(from)}\n${end}`,
  );
  return [{ path: "README.md", content }];
}
