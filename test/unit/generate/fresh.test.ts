import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { leftOvers, staleFiles } from "../../../scripts/fresh.ts";
import { renderAll } from "../../../scripts/render/index.ts";
import type { Rendered } from "../../../scripts/render/schema.ts";
import { source } from "./source.ts";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "oras-operator-fresh-"));
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function write(...files: Rendered[]): Promise<void> {
  for (const { path, content } of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

test("what is committed is up to date", async () => {
  expect(await staleFiles(await renderAll(source), ".")).toEqual([]);
});

test("stale, missing and left-over files are told apart", async () => {
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

test("npm run generate -- --check fails with the command that mends it", { timeout: 30_000 }, async () => {
  const check = promisify(execFile)(process.execPath, ["scripts/generate.ts", "--check", "--out", root]);
  const { code, stderr } = (await check.catch((error: unknown) => error)) as { code: number; stderr: string };
  expect(code).toBe(1);
  expect(stderr).toContain("generated/names.ts (missing)");
  expect(stderr.trimEnd().split("\n").at(-1)).toBe("Run: npm run generate");
});
