import { describe, expect, test } from "vitest";
import { usageOf } from "../../../src/cache/usage.ts";

const report = { capacity: 100, used: 40, free: 60, artifacts: 3, bytes: 20 };

describe("the report of a keeper", () => {
  test("has numbers, the mark of the volume and what is wrong", () => {
    const mark = { cache: "6b3f", volume: "drawn", since: "2026-01-02T03:04:05Z" };
    const more = { mark, notWritable: "user 1 cannot", repositories: [] };
    expect(usageOf({ ...report, ...more })).toEqual({
      ...report,
      volume: "drawn",
      since: "2026-01-02T03:04:05Z",
      notWritable: "user 1 cannot",
      problem: undefined,
    });
  });

  test.each([
    undefined,
    null,
    [],
    "report",
    {},
    { ...report, used: -1 },
    { ...report, free: "60" },
    { ...report, capacity: Number.NaN },
    { ...report, bytes: 2 ** 60 },
    { ...report, artifacts: 1.5 },
  ])("is not believed where it is none: %j", (other) => {
    expect(usageOf(other)).toBeUndefined();
  });

  test("has a mark or none, and words that are not too long", () => {
    expect(usageOf({ ...report, mark: "x", notWritable: "y".repeat(10_000), problem: 7 })).toMatchObject({
      volume: undefined,
      since: undefined,
      notWritable: "y".repeat(500),
      problem: undefined,
    });
    expect(usageOf({ ...report, mark: { volume: "drawn", since: "never" } })).toMatchObject({
      volume: "drawn",
      since: undefined,
    });
  });
});
