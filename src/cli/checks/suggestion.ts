import { nearest } from "../../annotations/nearest.ts";

/** How a message ends that says that something is not there: with the nearest name, or all that are known. */
export function suggestion(written: string, known: readonly string[]): string {
  if (known.length === 0) return ".";
  const meant = nearest(written, known);
  return meant === undefined ? `; known are ${known.join(", ")}.` : `; did you mean ${meant}?`;
}
