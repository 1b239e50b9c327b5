import { isDeepStrictEqual } from "node:util";
import type { Operation } from "rfc6902";

type Map = Readonly<Record<string, unknown>>;

/**
 * The minimal JSON Patch (RFC 6902) from one object to the other. Libraries look for the shortest way from any list to
 * any other, which costs their product, and build paths for parts that did not change.
 *
 * @param before - as submitted
 * @param after - sharing with it every part that did not change; lists have only grown, at their beginning or their end
 */
export function patchBetween(before: unknown, after: unknown): Operation[] {
  const patch: Operation[] = [];
  compare(before, after, "", patch);
  return patch;
}

/** Appends to a patch what leads from one value to the other. */
function compare(before: unknown, after: unknown, path: string, patch: Operation[]): void {
  // What is shared is equal: a Pod's hundreds of env entries need no comparison.
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after)) compareLists(before, after, path, patch);
  else if (isMap(before) && isMap(after)) compareMaps(before, after, path, patch);
  else patch.push({ op: "replace", path, value: after });
}

function compareMaps(before: Map, after: Map, path: string, patch: Operation[]): void {
  for (const key of Object.keys(before)) {
    if (isIn(before, key) && !isIn(after, key)) patch.push({ op: "remove", path: `${path}/${token(key)}` });
  }
  for (const key of Object.keys(after)) {
    const value = after[key];
    if (!isIn(after, key) || (isIn(before, key) && before[key] === value)) continue;
    const at = `${path}/${token(key)}`;
    if (isIn(before, key)) compare(before[key], value, at, patch);
    else patch.push({ op: "add", path: at, value });
  }
}

function compareLists(
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
  patch: Operation[],
): void {
  const isWords = after.every((item) => typeof item === "string");
  if (isWords || after.length < before.length) {
    if (!isDeepStrictEqual(before, after)) patch.push({ op: "replace", path, value: after });
    return;
  }
  const inFront = countInFront(before, after);
  after.slice(0, inFront).forEach((value, i) => {
    patch.push({ op: "add", path: `${path}/${i}`, value });
  });
  before.forEach((item, i) => {
    compare(item, after[inFront + i], `${path}/${inFront + i}`, patch);
  });
  for (const value of after.slice(inFront + before.length))
    patch.push({ op: "add", path: `${path}/-`, value });
}

/** How many items stand before the first one that was there. */
function countInFront(before: readonly unknown[], after: readonly unknown[]): number {
  const name = nameOf(before[0]);
  if (name === undefined || name === nameOf(after[0])) return 0;
  const more = after.slice(0, after.length - before.length + 1);
  return Math.max(
    0,
    more.findIndex((item) => nameOf(item) === name),
  );
}

function nameOf(item: unknown): unknown {
  return isMap(item) ? item["name"] : undefined;
}

function isMap(value: unknown): value is Map {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether JSON will have the key; `hasOwn`, because `__proto__` and `constructor` may be submitted. */
function isIn(map: Map, key: string): boolean {
  return Object.hasOwn(map, key) && map[key] !== undefined;
}

/** A key as JSON Pointers (RFC 6901) have it. */
function token(key: string): string {
  return key.includes("~") || key.includes("/") ? key.replaceAll("~", "~0").replaceAll("/", "~1") : key;
}
