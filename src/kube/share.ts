import { forgetOldest } from "./forget.ts";

/** Gives for a value one that is equal and was given before, if there is one. */
export type Share = <T extends object>(value: T) => T;

const mostRemembered = 1_000;

/** Holds parts of objects that thousands of objects have once. They must not be changed. */
export function createShare(): Share {
  const known = new Map<string, object>();
  return <T extends object>(value: T): T => {
    const text = JSON.stringify(value);
    const shared = (known.get(text) ?? value) as T;
    // The last of them is the one that was met last.
    known.delete(text);
    known.set(text, shared);
    forgetOldest(known, mostRemembered);
    return shared;
  };
}
