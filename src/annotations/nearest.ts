import { closest, distance } from "fastest-levenshtein";

/** No name is longer; the distance to a longer text would cost more than it is worth. */
const longest = 64;

/**
 * The known name that somebody may have meant.
 *
 * @param found - what was written
 * @param known - every name that there is
 */
export function nearest<Name extends string>(found: string, known: readonly Name[]): Name | undefined {
  if (known.length === 0) return undefined;
  const written = found.slice(0, longest);
  const name = closest(written, known) as Name;
  return distance(written, name) <= Math.max(2, Math.floor(name.length / 3)) ? name : undefined;
}

/**
 * What to write instead: the nearest name, or all of them.
 *
 * @param found - what was written
 * @param known - every name that there is
 */
export function suggestion(found: string, known: readonly string[]): string {
  const name = nearest(found, known);
  return name === undefined ? `allowed are ${known.join(", ")}` : `did you mean ${name}?`;
}
