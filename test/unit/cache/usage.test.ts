import { describe, expect, test } from "vitest";
import { usageOf } from "../../../src/cache/usage.ts";

const room = { capacity: 100, used: 40, free: 60 };
const counts = { artifacts: 3, bytes: 20 };
const report = { ...room, ...counts };

describe("the report of a keeper", () => {
  test("has numbers, the mark of the volume and what is wrong", () => {
    const mark = { cache: "6b3f", volume: "drawn", since: "2026-01-02T03:04:05Z" };
    const more = { mark, notWritable: "user 1 cannot", repositories: [] };
    expect(usageOf({ ...report, ...more })).toEqual({
      ...counts,
      room,
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
    // A status with less than 0 percent would be refused as a whole.
    { ...report, free: 101 },
    { ...report, capacity: 1, used: 0, free: Number.MAX_SAFE_INTEGER },
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
  });

  test("has of a bucket no room, but objects and when they were counted", () => {
    const folder = { ...counts, objects: 9, measured: "2026-01-02T03:04:05Z" };
    expect(usageOf({ ...folder, users: [], sweeping: false })).toEqual({ ...folder, problem: undefined });
    for (const wrong of [{ objects: -1 }, { measured: "never" }, { bytes: "20" }])
      expect(usageOf({ ...folder, ...wrong })).toBeUndefined();
    // Nothing has been counted yet.
    expect(usageOf({ users: [], problem: "S3 answers with 403" })).toBeUndefined();
  });

  // The API server takes RFC 3339 alone; a mark that could not be read has the first time that Go knows.
  test.each([
    ["never", undefined],
    ["1", undefined],
    ["26 Nov 2026", undefined],
    ["+010000-01-01T00:00:00Z", undefined],
    ["0001-01-01T00:00:00Z", undefined],
    [20_261_126, undefined],
    ["2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05Z"],
    ["2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z"],
  ])("is in use since a time, as a status has it, or nobody knows: %s", (since, is) => {
    expect(usageOf({ ...report, mark: { volume: "drawn", since } })).toMatchObject({
      volume: "drawn",
      since: is,
    });
  });
});
