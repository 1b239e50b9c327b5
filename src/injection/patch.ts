import { isDeepStrictEqual } from "node:util";
import { createPatch, type Operation } from "rfc6902";

/**
 * The minimal JSON Patch (RFC 6902) from one object to the other.
 *
 * @param before - as submitted
 * @param after - sharing with it every part that did not change; lists have only grown at their end
 */
export function patchBetween(before: unknown, after: unknown): Operation[] {
  return createPatch(before, after, (a, b, pointer) => {
    // What is shared is equal: a Pod's hundreds of env entries need no comparison.
    if (a === b) return [];
    return Array.isArray(a) && Array.isArray(b) ? patchBetweenLists(a, b, pointer.toString()) : undefined;
  });
}

/** Item by item: the library looks for the shortest way from any list to any other, which costs their product. */
function patchBetweenLists(before: unknown[], after: unknown[], path: string): Operation[] {
  const isWords = after.every((item) => typeof item === "string");
  if (isWords || after.length < before.length) {
    return isDeepStrictEqual(before, after) ? [] : [{ op: "replace", path, value: after }];
  }
  return after.flatMap((item, i): Operation[] => {
    if (i >= before.length) return [{ op: "add", path: `${path}/-`, value: item }];
    return patchBetween(before[i], item).map((operation) => ({
      ...operation,
      path: `${path}/${i}${operation.path}`,
    }));
  });
}
