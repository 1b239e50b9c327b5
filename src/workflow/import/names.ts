import { createHash } from "node:crypto";

/** Longest name of a Job that its Pods can carry as a label. */
const longest = 63;
const digits = 8;

/**
 * A text as a part of names: lower case letters, digits and dashes.
 *
 * @returns empty where nothing of it can be in a name
 */
export function labelOf(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}

/**
 * Names for texts, as RFC 1123 allows them for labels. A text that has to be cut, or whose name another one has already, ends
 * with a part of its digest, so equal files give equal names.
 *
 * @param texts - each once
 * @param before - what each name begins with, itself a label; empty for nothing
 * @returns a name for each, each once
 */
export function namesFor(texts: readonly string[], before: string): Map<string, string> {
  const taken = new Set<string>();
  const names = new Map<string, string>();
  for (const text of texts) {
    const plain = [before, labelOf(text)].filter((part) => part !== "").join("-");
    let name = plain;
    for (let again = 0; name === "" || name.length > longest || taken.has(name); again++) {
      const digest = createHash("sha256").update(`${again} ${text}`).digest("hex").slice(0, digits);
      const start = plain.slice(0, longest - digits - 1).replace(/-$/, "");
      name = start === "" ? digest : `${start}-${digest}`;
    }
    taken.add(name);
    names.set(text, name);
  }
  return names;
}
