import { posix } from "node:path";

/** A group of the sidebar: pages in the order in which they are read, or every page of a folder. */
export interface Section {
  readonly text: string;
  readonly pages: readonly string[];
  readonly folder?: string;
  readonly collapsed?: boolean;
}

/** Every page of the site. One that is not here is found by nobody, so a test refuses it. */
export const sections: readonly Section[] = [
  { text: "Start", pages: ["index", "start", "workflows", "troubleshooting"] },
  { text: "Use", pages: ["cli", "registry", "pods", "lineage", "warnings"] },
  { text: "How-to", pages: ["gitops", "private-images", "coming-from-the-original"], folder: "how-to" },
  { text: "Operate", pages: ["install", "backup", "limits", "performance", "reliability"] },
  { text: "Security", pages: ["security"] },
  { text: "Reference", pages: ["differences"], folder: "reference" },
  { text: "Architecture", pages: [], folder: "adr", collapsed: true },
];

export interface Item {
  text: string;
  link: string;
}

/**
 * The sidebar.
 *
 * @param pages - text of every page by its path below docs/, without .md
 */
export function sidebar(pages: ReadonlyMap<string, string>) {
  const item = (page: string): Item => {
    const text = pages.get(page);
    if (text === undefined) throw new Error(`The sidebar names docs/${page}.md, which is not there.`);
    return {
      text: page === "index" ? "Overview" : titleOf(text, page),
      link: page === "index" ? "/" : `/${page}`,
    };
  };
  return sections.map(({ text, pages: listed, folder, collapsed }) => ({
    text,
    ...(collapsed === undefined ? {} : { collapsed }),
    items: [...listed, ...within(folder, pages)].map(item),
  }));
}

function within(folder: string | undefined, pages: ReadonlyMap<string, string>): string[] {
  return [...pages.keys()].filter((page) => posix.dirname(page) === folder).sort();
}

/** The first heading of a page. */
function titleOf(text: string, page: string): string {
  const [, title] = /^# (.+)$/m.exec(text) ?? [];
  if (title === undefined)
    throw new Error(`docs/${page}.md has no heading: a page begins with one of the form # Title.`);
  return title.replaceAll("`", "");
}

const longestDescription = 160;

/** What search engines and chats show of a page: how it begins, or its heading where it begins with a table. */
export function descriptionOf(text: string): string {
  const [first = titleOf(text, "")] = text
    .replaceAll(/^```.*?^```$/gms, "")
    .split(/\n{2,}/)
    .map((part) => part.replaceAll(/^(?:#.*|<!--.*-->)$/gm, "").trim())
    .filter((part) => /^[\p{L}`*]/u.test(part));
  const plain = first
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/[`*]/g, "")
    .replaceAll(/\s+/g, " ");
  if (plain.length <= longestDescription) return plain;
  return `${plain.slice(0, longestDescription).replace(/\W+\w*$/, "")} …`;
}
