import { createMarkdownRenderer } from "vitepress";
import { expect, test } from "vitest";
import { markdown } from "../../../docs/.vitepress/markdown.ts";

const renderer = await createMarkdownRenderer("docs", markdown);
const rendered = (text: string) =>
  renderer.render(text, { relativePath: "reference/page.md", path: "docs/reference/page.md" });

test.each([
  ["a name in angle brackets", "the claim <name>-data", "the claim &lt;name&gt;-data"],
  ["one that begins a line", "<name>\n", "&lt;name&gt;"],
  ["one in a table", "| a |\n| --- |\n| <name> |\n", "&lt;name&gt;</td>"],
  ["an escaped one", "the claim \\<name>-data", "the claim &lt;name&gt;-data"],
  ["an expression of Vue", "a {{ .Values.a }} b", "a &#123;&#123; .Values.a }} b"],
  ["an expression of Vue in a heading", "## a {{ b }}", "a &#123;&#123; b }}"],
])("%s is text", (_, text, expected) => {
  expect(rendered(text)).toContain(expected);
});

test("an expression of Vue in code is not evaluated", () => {
  expect(rendered("`{{ a }}`")).toContain('<code v-pre="">{{ a }}</code>');
});

test.each(["<!-- hidden -->\n# Title\n", "# Title\n\n<!-- hidden\nhidden -->\n"])(
  "a comment is not shown: %j",
  (text) => {
    const html = rendered(text);
    expect(html).not.toContain("hidden");
    expect(html).toContain("Title");
  },
);

test("a file that is no page is linked to on the code host", () => {
  expect(rendered("[x](../../agent/README.md)")).toContain(
    'href="https://github.com/converged-computing/oras-operator/blob/main/agent/README.md"',
  );
});

test("a cell has the head of its column", () => {
  expect(rendered("| a | `b` |\n| --- | --- |\n| 1 | 2 |\n")).toMatch(
    /<td data-label="a">1.*<td data-label="b">2/s,
  );
});
