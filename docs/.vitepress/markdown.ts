import { posix } from "node:path";
import type { MarkdownOptions, MarkdownRenderer } from "vitepress";

type Token = ReturnType<MarkdownRenderer["parse"]>[number];

const repository = "https://github.com/converged-computing/oras-operator/blob/main/";

/**
 * The name of a heading in links, as GitHub makes it: a page has the same links there and on the site.
 *
 * @see https://github.com/Flet/github-slugger
 */
export function slugify(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, "")
    .replaceAll(" ", "-");
}

/**
 * Where a link of a page leads on the site: a file of the repository that is no page is shown by the code host.
 *
 * @param href - as it is written
 * @param page - path of the page below docs/
 */
export function target(href: string, page: string): string {
  if (/^(?:[a-z]+:|[/#])/.test(href)) return href;
  const path = posix.join("docs", posix.dirname(page), href);
  return path.startsWith("docs/") ? href : repository + path;
}

function plainMarkdown(md: MarkdownRenderer): void {
  // GitHub does not show comments either.
  md.block.ruler.before(
    "paragraph",
    "comment",
    (state, first, end, silent) => {
      const lineAt = (line: number) =>
        state.src.slice((state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0), state.eMarks[line]);
      if (!lineAt(first).startsWith("<!--")) return false;
      let last = first;
      while (last < end && !lineAt(last).includes("-->")) last++;
      if (last === end) return false;
      if (!silent) state.line = last + 1;
      return true;
    },
    { alt: ["paragraph", "blockquote", "list"] },
  );
  md.renderer.rules["text"] = (tokens, index) =>
    md.utils.escapeHtml(tokens[index]?.content ?? "").replaceAll("{{", "&#123;&#123;");
  md.core.ruler.push("cell-labels", ({ tokens }) => labelCells(tokens));
  md.core.ruler.push("inline-tokens", ({ tokens, env }) => {
    const { relativePath } = env as { relativePath: string };
    for (const { children } of tokens) {
      for (const token of children ?? []) {
        if (token.type === "code_inline") token.attrSet("v-pre", "");
        if (token.type === "link_open") {
          token.attrSet("href", target(token.attrGet("href") ?? "", relativePath));
        }
      }
    }
  });
}

/** Gives each cell of a table the head of its column, which a phone shows in the place of columns: see theme/style.css. */
function labelCells(tokens: readonly Token[]): void {
  let heads: string[] = [];
  let column = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.type === "table_open") heads = [];
    else if (token.type === "tr_open") column = 0;
    else if (token.type === "th_open") heads.push(tokens[index + 1]?.content.replaceAll("`", "") ?? "");
    else if (token.type === "td_open") token.attrSet("data-label", heads[column++] ?? "");
  }
}

/** Pages are Markdown alone: what looks like HTML, or like an expression of Vue, is text. */
export const markdown: MarkdownOptions = {
  html: false,
  linkify: false,
  anchor: { slugify },
  config: plainMarkdown,
};
