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
  // What the API server does not keep, or writes in another way.
  [{ tolerations: [] }, {}, true],
  [{ limits: { cpu: "1000m", memory: "1024Mi" } }, { limits: { cpu: "1", memory: "1Gi" } }, true],
  [{ limits: { cpu: "2" } }, { limits: { cpu: "1" } }, false],
  [{ limits: { cpu: "2" } }, {}, false],
  [{ sizeLimit: "1.5Gi" }, { sizeLimit: "1536Mi" }, true],
  [{ value: "1.0" }, { value: "1" }, false],
])("%j in %j: %s", (desired, live, covered) => {
  expect(isCovered(desired, live)).toBe(covered);
});
