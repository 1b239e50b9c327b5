import fc from "fast-check";
import { expect, test } from "vitest";
import { amountOf, roundBytes } from "../../../src/annotations/quantity.ts";

test.each([
  [0, "0"],
  [1023, "1023"],
  [1024, "1Ki"],
  [1_500_000, "1.43Mi"],
  [15 * 2 ** 30, "15Gi"],
  [123.4 * 2 ** 40, "123Ti"],
  [2 ** 53, "8Pi"],
])("%i bytes are %s", (bytes, text) => {
  expect(roundBytes(bytes)).toBe(text);
});

test("what is written is a quantity, and about right", () => {
  const bytes = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(bytes, (exact) => {
      expect(Math.abs(amountOf(roundBytes(exact)) - exact)).toBeLessThanOrEqual(exact * 0.005 + 0.001);
    }),
  );
});

test("what was written stays while it is about right", () => {
  expect(roundBytes(1020, "1Ki")).toBe("1Ki");
  expect(roundBytes(900, "1Ki")).toBe("900");
  expect(roundBytes(1, "0")).toBe("1");
  expect(roundBytes(0, "1Ki")).toBe("0");
});
