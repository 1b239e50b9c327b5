/** Maps of texts, in which the API server takes a null for an empty text. */
const maps = ["annotations", "labels"];

/**
 * A manifest as the API server gets it: what is null is absent, and is an empty text as the value of an annotation.
 *
 * @param value - plain JSON
 * @param field - that it is the value of
 * @returns a copy
 */
export function asSubmitted(value: unknown, field = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => asSubmitted(item));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const kept = maps.includes(field)
    ? entries.map(([key, below]) => [key, below ?? ""])
    : entries.filter(([, below]) => below !== null);
  return Object.fromEntries(kept.map(([key, below]) => [key, asSubmitted(below, String(key))]));
}
