import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

/** Pages that people read, from the repository's root. */
const pages = (
  await Promise.all(
    [".", "docs", "examples"].map(async (folder) =>
      (
        await readdir(folder, { recursive: folder !== ".", withFileTypes: true })
      )
        .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
        .map((entry) => join(entry.parentPath, entry.name)),
    ),
  )
).flat();
const targets = [...(await readFile("Makefile", "utf8")).matchAll(/^([a-z0-9-]+):.*## /gm)].map(
  ([, name]) => name,
);
const { scripts } = JSON.parse(await readFile("package.json", "utf8")) as { scripts: Record<string, string> };

/** Every group of a pattern in a page. */
function mentions(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].flatMap(([, found]) => found ?? []);
}

describe.each(pages)("%s", async (page) => {
  const text = await readFile(page, "utf8");

  test("links to what is there", () => {
    const links = mentions(text, /\]\(([^)#]+)[^)]*\)/g).filter((link) => !/^[a-z]+:/.test(link));
    expect(links.filter((link) => !existsSync(join(dirname(page), link)))).toEqual([]);
  });

  test("names commands that there are", () => {
    const made = mentions(text, /(?:`|^\s*\$ |=[a-z]+ )make ([a-z0-9-]+)/gm);
    expect(made.filter((target) => !targets.includes(target))).toEqual([]);
    const run = mentions(text, /npm run ([a-z:-]+)/g);
    expect(run.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  test("names files that there are", () => {
    const files = mentions(
      text,
      /(?:^|[\s`"])((?:\.\/)?(?:chart|config|docs|examples|scripts|src|test)\/[\w./-]*\w)/gm,
    );
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });
});

test("the commands that the guide of the original names are there", () => {
  const expected = [
    "build-config",
    "build-config-arm",
    "test-deploy",
    "install",
    "uninstall",
    "deploy",
    "undeploy",
  ];
  expect(targets).toEqual(expect.arrayContaining([...expected, "demo", "demo-down", "test", "help"]));
});
