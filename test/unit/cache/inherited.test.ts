import { expect, test } from "vitest";
import { inheritedInMs } from "../../../src/cache/inherited.ts";

/** The ages of a cache at which it looks, from the first time on. */
function looksFrom(ageMs: number): number[] {
  const inMs = inheritedInMs(ageMs);
  return inMs === undefined ? [ageMs] : [ageMs, ...looksFrom(ageMs + inMs)];
}

test("a Secret that a new cache has found is looked at some ten times, for as long as a garbage collector may take", () => {
  const looks = looksFrom(0).map((ms) => ms / 1_000);
  expect(looks).toEqual([0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
});

test("a leader that finds the Secrets of old caches looks at each of them once", () => {
  expect(looksFrom(300_000)).toEqual([300_000]);
});

test("a clock that is behind the API server's makes it look no more often", () => {
  expect(inheritedInMs(-60_000)).toBe(1_000);
});
