import { isDeepStrictEqual } from "node:util";

/**
 * A list as it was submitted, with the operator's items as they are stored and where they are stored: the API server
 * compares whole lists in their order.
 *
 * @param submitted - whose other items stay, in their order
 * @param stored - in which the operator's items are whole
 * @param isAdded - whether an item is the operator's
 * @param merge - makes an item out of a stored one and the submitted one of its name
 * @returns the submitted list itself where nothing was lost
 */
export function weave<T extends { readonly name: string }>(
  submitted: readonly T[] | undefined,
  stored: readonly T[] | undefined,
  isAdded: (item: T) => boolean,
  merge: (stored: T, submitted: T) => T = (item) => item,
): T[] | undefined {
  if (stored === undefined || !stored.some(isAdded)) return submitted as T[] | undefined;
  const given = new Map(submitted?.filter(isAdded).map((item) => [item.name, item]));
  const others = (submitted ?? []).filter((item) => !isAdded(item)).values();
  const woven = stored.map((item) =>
    isAdded(item) ? restored(item, given.get(item.name), merge) : others.next().value,
  );
  const all = [...woven.filter((item) => item !== undefined), ...others];
  const same = submitted?.length === all.length && all.every((item, i) => item === submitted[i]);
  return same ? (submitted as T[]) : all;
}

function restored<T>(stored: T, given: T | undefined, merge: (stored: T, submitted: T) => T): T {
  if (given === undefined) return stored;
  const merged = merge(stored, given);
  return isDeepStrictEqual(merged, given) ? given : merged;
}
