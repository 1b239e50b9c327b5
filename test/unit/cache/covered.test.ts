import { expect, test } from "vitest";
import { isCovered } from "../../../src/cache/covered.ts";

test.each([
  [{ a: 1 }, { a: 1, b: 2 }, true],
  [{ a: 1 }, { a: 2 }, false],
  [{ a: { b: 1 } }, { a: { b: 1, c: 1 } }, true],
  [{ a: [1, 2] }, { a: [1, 2] }, true],
  [{ a: [1, 2] }, { a: [2, 1] }, false],
  [{ a: [1] }, { a: [1, 2] }, false],
  [{ a: [{ b: 1 }] }, { a: [{ b: 1, c: "default" }] }, true],
  [{ a: undefined }, {}, true],
  [{ a: {} }, {}, false],
  [{ a: {} }, { a: [] }, false],
  [{ a: null }, { a: undefined }, false],
  [{}, null, false],
  [[], {}, false],
  [1, "1", false],
])("%j in %j: %s", (desired, live, covered) => {
  expect(isCovered(desired, live)).toBe(covered);
});
