import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { slugify, target } from "../../../docs/.vitepress/markdown.ts";
import { descriptionOf, sidebar } from "../../../docs/.vitepress/pages.ts";
import { pages } from "../../support/pages.ts";

const targets = [...(await readFile("Makefile", "utf8")).matchAll(/^([a-z0-9-]+):.*## /gm)].map(
  ([, name]) => name,
);
const { scripts } = JSON.parse(await readFile("package.json", "utf8")) as { scripts: Record<string, string> };

/** Every group of a pattern in a page. */
function mentions(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].flatMap(([, found]) => found ?? []);
}

/** What links may name in a page. */
function anchors(text: string): string[] {
  return mentions(text.replaceAll(/^```.*?^```$/gms, ""), /^#+ (.+)$/gm).map(slugify);
}

/** Without what is code. */
function prose(text: string): string {
  return text.replaceAll(/^ *```.*?^ *```$/gms, "").replaceAll(/`[^`\n]*`/g, "");
}

describe.each(pages)("%s", async (page) => {
  const text = await readFile(page, "utf8");
  const links = mentions(text, /\]\(([^)\s]+)\)/g).filter((link) => !/^[a-z]+:/.test(link));

  test("links to what is there", () => {
    const files = links.map((link) => link.replace(/#.*/, "")).filter((link) => link !== "");
    expect(files.filter((link) => !existsSync(join(dirname(page), link)))).toEqual([]);
  });

  test("links to headings that are there", async () => {
    const lost: string[] = [];
    for (const link of links.filter((found) => found.includes("#"))) {
      const [file = "", anchor = ""] = link.split("#");
      const other = file === "" ? text : await readFile(join(dirname(page), file), "utf8");
      if (!anchors(other).includes(anchor)) lost.push(link);
    }
    expect(lost).toEqual([]);
  });

  test("has no HTML outside of code: it would not be shown", () => {
    const visible = prose(text).replaceAll(/<!--.*?-->/gs, "");
    expect(mentions(visible, /(?<!\\)(<\/?[a-z][^\n]*)/gi)).toEqual([]);
  });

  test("names commands that there are", () => {
    const made = mentions(text, /(?:`|^\s*\$ |=[a-z]+ )make ([a-z0-9-]+)/gm);
    expect(made.filter((target) => !targets.includes(target))).toEqual([]);
    const run = mentions(text, /npm run ([a-z:-]+)/g);
    expect(run.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  test("reads the user of a registry from its Secret: after a rotation it is another one", () => {
    expect(mentions(text, /(--username[ =]"?oras-\d+)/g)).toEqual([]);
  });

  test("names files that there are", () => {
    const files = mentions(
      text,
      /(?:^|[\s`"])((?:\.\/)?(?:chart|config|docs|examples|scripts|src|test)\/[\w./-]*\w)/gm,
    );
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });
});

describe("the site", () => {
  const texts = new Map(
    pages
      .filter((page) => page.startsWith("docs/"))
      .map((page) => [relative("docs", page).slice(0, -".md".length), readFileSync(page, "utf8")]),
  );

  test("has every page in its sidebar, once", () => {
    const links = sidebar(texts).flatMap(({ items }) => items.map(({ link }) => link));
    const expected = [...texts.keys()].map((page) => (page === "index" ? "/" : `/${page}`));
    expect(links.toSorted()).toEqual(expected.toSorted());
  });

  test.each([...texts])("says how %s begins", (_, text) => {
    expect(descriptionOf(text)).toMatch(/^[^`[\]]{10,162}$/);
  });

  test.each([
    ["# A\n\nOne `b`\nand [c](d.md). Two.\n", "One b and c. Two."],
    ["<!-- d -->\n# A b c\n\n| e |\n| --- |\n", "A b c"],
    ["# A\n\n```sh\nb\n```\n\nC: d.\n", "C: d."],
  ])("the description of %j is %j", (text, expected) => {
    expect(descriptionOf(text)).toBe(expected);
  });

  test("says which page of its sidebar is not there", () => {
    expect(() => sidebar(new Map())).toThrow("The sidebar names docs/index.md, which is not there.");
  });

  test.each([
    ["registry.md#who-may-use-it", "start.md", "registry.md#who-may-use-it"],
    ["../adr/0028-the-keeper.md", "reference/options.md", "../adr/0028-the-keeper.md"],
    ["#room", "pods.md", "#room"],
    ["https://oras.land", "start.md", "https://oras.land"],
    [
      "../agent/README.md",
      "pods.md",
      "https://github.com/converged-computing/oras-operator/blob/main/agent/README.md",
    ],
    [
      "../../chart/",
      "adr/0005-installation.md",
      "https://github.com/converged-computing/oras-operator/blob/main/chart/",
    ],
  ])("the link %s of %s leads to %s", (href, page, expected) => {
    expect(target(href, page)).toBe(expected);
  });

  test.each([
    ["Who may use it", "who-may-use-it"],
    ["`oras-env`", "oras-env"],
    ["4. The folder on your laptop", "4-the-folder-on-your-laptop"],
    ["401, or access denied", "401-or-access-denied"],
    ["$(JOB_NAME): a/b", "job_name-ab"],
  ])("the heading %s is #%s, as on GitHub", (heading, slug) => {
    expect(slugify(heading)).toBe(slug);
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
