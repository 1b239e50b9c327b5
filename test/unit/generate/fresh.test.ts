import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { leftOvers, staleFiles } from "../../../scripts/fresh.ts";
import { renderAll } from "../../../scripts/render/index.ts";
import type { Rendered } from "../../../scripts/render/schema.ts";
import { schema } from "../../support/schema.ts";

let root: string;

beforeEach(async () => {
  // Inside the checkout, where packages are found.
  await mkdir(".tmp", { recursive: true });
  root = await mkdtemp(join(process.cwd(), ".tmp", "fresh-"));
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function write(...files: Rendered[]): Promise<void> {
  for (const { path, content } of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

test("what is committed is up to date", async () => {
  expect(await staleFiles(await renderAll(schema), ".")).toEqual([]);
});

test("stale, missing and left-over files are distinguished", async () => {
  const files = ["generated/a.ts", "generated/b.ts", "config/c.yaml"].map((path) => ({
    path,
    content: "new",
  }));
  await write(
    { path: "generated/a.ts", content: "old" },
    { path: "config/c.yaml", content: "new" },
    { path: "config/handwritten.yaml", content: "" },
    { path: "generated/schemas/nobody.json", content: "" },
  );
  expect(await staleFiles(files, root)).toEqual([
    "generated/a.ts",
    "generated/b.ts (missing)",
    "generated/schemas/nobody.json (left over)",
  ]);
  expect(await leftOvers(files, root)).toEqual(["generated/schemas/nobody.json"]);
});

test("a name is one edit too: check names what is stale, generate fixes all of it at once", {
  timeout: 60_000,
}, async () => {
  for (const part of [
    "schema",
    "agent/internal/keeper/server/metrics.go",
    "chart/README.md",
    "docs/security.md",
    "config/webhook",
    "scripts/render",
    "scripts/generate.ts",
    "scripts/fresh.ts",
    "src",
    "generated",
    "package.json",
  ]) {
    await cp(part, join(root, part), { recursive: true });
  }
  // An empty place for the table is one to fill.
  const begin = "<!-- values:begin -->\n";
  await write({ path: "chart/README.md", content: `before\n${begin}<!-- values:end -->\nafter\n` });
  const { group } = names;
  const tables = await readFile("schema/names.ts", "utf8");
  await writeFile(join(root, "schema/names.ts"), tables.replaceAll(group, "cache.example.com"));
  const generate = (...args: string[]) =>
    promisify(execFile)(process.execPath, ["scripts/generate.ts", ...args], { cwd: root });

  const { code, stderr } = (await generate("--check").catch((error: unknown) => error)) as {
    code: number;
    stderr: string;
  };
  expect(code).toBe(1);
  expect(stderr).toContain("\n  generated/schemas/oras-operator.schema.json\n");
  expect(stderr).toContain("config/rbac/roles.yaml (missing)");
  expect(stderr).toContain("\n  chart/README.md\n");
  expect(stderr.trimEnd().split("\n").at(-1)).toBe("Run: npm run generate");

  await generate();
  for (const path of [
    "config/rbac/roles.yaml",
    "config/crd/orascaches.yaml",
    "chart/files/names.yaml",
    "generated/schemas/oras-operator.schema.json",
  ]) {
    const text = await readFile(join(root, path), "utf8");
    expect(text, path).not.toContain(group);
  }
  expect(await readFile(join(root, "config/rbac/roles.yaml"), "utf8")).toContain("cache.example.com");
  const readme = await readFile(join(root, "chart/README.md"), "utf8");
  expect(readme).toContain(`${begin}| Value |`);
  expect(readme).toContain("| `image.tag` | string |");
});
