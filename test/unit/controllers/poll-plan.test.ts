import fc from "fast-check";
import { expect, it } from "vitest";
import { waitMs } from "../../../src/controllers/poll-plan.ts";

const longestMs = 30_000;
const ofOne = (count: number | undefined, asked: number) => waitMs({ asked, longestMs, count });
const waits = (count: number | undefined) => Array.from({ length: 8 }, (_, asked) => ofOne(count, asked));

it.each<[string, number | undefined, number[]]>([
  ["one", 1, [1_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000]],
  ["two", 2, [2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000]],
  ["ten", 10, [5_000, 7_500, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000]],
  ["5,000", 5_000, [5_000, 7_500, 11_250, 16_875, 25_312.5, 30_000, 30_000, 30_000]],
  ["one that is not polled", undefined, [5_000, 7_500, 11_250, 16_875, 25_312.5, 30_000, 30_000, 30_000]],
])("the waits of %s", (_, count, expected) => {
  expect(waits(count)).toEqual(expected);
});

const asked = fc.nat({ max: 5_000 });
const count = fc.integer({ min: 1, max: 10_000 });

it("is never longer than the wait that grows, and never longer than the longest", () => {
  fc.assert(
    fc.property(asked, count, (times, many) => {
      expect(ofOne(many, times)).toBeLessThanOrEqual(ofOne(undefined, times));
      expect(ofOne(undefined, times)).toBeLessThanOrEqual(longestMs);
    }),
  );
});

it("grows with each question, and with each other one", () => {
  fc.assert(
    fc.property(asked, count, (times, many) => {
      expect(ofOne(many, times + 1)).toBeGreaterThanOrEqual(ofOne(many, times));
      expect(ofOne(many + 1, times)).toBeGreaterThanOrEqual(ofOne(many, times));
    }),
  );
});

it("adds less than one question a second to what there would be without it", () => {
  fc.assert(
    fc.property(asked, count, (times, many) => {
      const grown = (many * 1_000) / ofOne(undefined, times);
      expect((many * 1_000) / ofOne(many, times)).toBeLessThanOrEqual(Math.max(1, grown));
    }),
  );
});
