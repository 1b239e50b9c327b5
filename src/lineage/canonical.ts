import { createHash } from "node:crypto";

/** What JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/**
 * JSON with one way to write each value: names in the order of their UTF-16 code units, no spaces, and no members that are
 * null or an empty list, which the API server does not keep either. The order of a list stays.
 *
 * @param value - plain JSON; members may be undefined
 * @see https://www.rfc-editor.org/rfc/rfc8785
 */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => !isNothing(member))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}

/** The sha256 of a text, in hexadecimal. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Stands for a value that can be a secret: it tells whether two are equal, and no more. */
export function hidden(value: unknown): string {
  return `sha256:${sha256(canonical(value))}`;
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}
