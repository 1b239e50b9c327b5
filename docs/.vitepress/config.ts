import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { defineConfig } from "vitepress";
import { markdown } from "./markdown.ts";
import { descriptionOf, sidebar } from "./pages.ts";

const docs = join(import.meta.dirname, "..");
const pages = new Map(
  readdirSync(docs, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [relative(docs, path).slice(0, -".md".length), readFileSync(path, "utf8")]),
);

/** A link to a page that is not there fails the build. */
export default defineConfig({
  lang: "en",
  title: "oras-operator",
  description: "Pass files between plain Pods and Jobs through an OCI registry",
  cleanUrls: true,
  markdown,
  transformPageData: ({ relativePath }) => ({
    description: descriptionOf(pages.get(relativePath.slice(0, -".md".length)) ?? ""),
  }),
  themeConfig: {
    nav: [
      { text: "Start", link: "/start" },
      { text: "Install", link: "/install" },
      { text: "Annotations", link: "/reference/annotations" },
      { text: "Troubleshooting", link: "/troubleshooting" },
    ],
    sidebar: sidebar(pages),
    outline: [2, 3],
    search: { provider: "local" },
    socialLinks: [{ icon: "github", link: "https://github.com/converged-computing/oras-operator" }],
  },
});
