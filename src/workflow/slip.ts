import { distance } from "fastest-levenshtein";

/** Names of fewer characters differ by one as a rule. */
const shortest = 5;

/**
 * Whether a name may be another one with a slip of the keyboard: one character more, less or other, or two in turns. More would name
 * neighbours such as `north` and `south`, which are both meant.
 *
 * @param written - what was written
 * @param known - what there is
 */
export function isSlipOf(written: string, known: string): boolean {
  if (written.length < shortest || Math.abs(written.length - known.length) > 1) return false;
  if (written.toLowerCase() === known.toLowerCase()) return true;
  return distance(written, known) === 1 || isTransposed(written, known);
}

function isTransposed(one: string, other: string): boolean {
  const at = [...one].findIndex((character, i) => character !== other[i]);
  return one.length === other.length && at >= 0 && swapped(one, at) === other;
}

function swapped(text: string, at: number): string {
  return `${text.slice(0, at)}${text[at + 1] ?? ""}${text[at] ?? ""}${text.slice(at + 2)}`;
}
