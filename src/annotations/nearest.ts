import { distance } from "fastest-levenshtein";

/** No name is longer; the distance to a longer text would cost more than it is worth. */
const longest = 64;

/**
 * The known name that somebody may have meant. Of several that are as near, the one that begins and ends most like what
 * was written: `out-uri` is `output-uri`, not `input-uri`.
 *
 * @param found - what was written
 * @param known - every name that there is
 */
export function nearest<Name extends string>(found: string, known: readonly Name[]): Name | undefined {
  if (known.length === 0) return undefined;
  const written = found.slice(0, longest);
  const distances = known.map((name) => distance(written, name));
  const least = Math.min(...distances);
  const [name] = known
    .filter((_, i) => distances[i] === least)
    .sort((a, b) => inCommon(written, b) - inCommon(written, a));
  return name !== undefined && least <= Math.max(2, Math.floor(name.length / 3)) ? name : undefined;
}

/** How many characters two texts have in common at their beginnings and at their ends. */
function inCommon(a: string, b: string): number {
  const start = startInCommon([...a], [...b]);
  return start + startInCommon([...a.slice(start)].reverse(), [...b.slice(start)].reverse());
}

function startInCommon(a: readonly string[], b: readonly string[]): number {
  const end = a.findIndex((character, i) => character !== b[i]);
  return end < 0 ? a.length : end;
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
