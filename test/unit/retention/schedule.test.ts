import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formats } from "../../../generated/annotations.ts";
import { nextTime, ownSchedule, parseSchedule } from "../../../src/retention/schedule.ts";

const after = (text: string, time: string) => {
  const next = nextTime(parseSchedule(text), Date.parse(time));
  return next === undefined ? undefined : new Date(next).toISOString().replace(/:00\.000Z$/, "");
};

describe("a schedule", () => {
  it.each([
    ["17 * * * *", "2026-11-26T15:16:59Z", "2026-11-26T15:17"],
    ["17 * * * *", "2026-11-26T15:17:00Z", "2026-11-26T16:17"],
    ["17 * * * *", "2026-12-31T23:30:00Z", "2027-01-01T00:17"],
    ["*/20 * * * *", "2026-11-26T15:21:00Z", "2026-11-26T15:40"],
    ["5/20 * * * *", "2026-11-26T15:26:00Z", "2026-11-26T15:45"],
    ["0 22-4 * * *", "2026-11-26T12:00:00Z", "2026-11-26T22:00"],
    ["0 22-4 * * *", "2026-11-26T02:30:00Z", "2026-11-26T03:00"],
    ["0 22-4 * * *", "2026-11-26T04:00:00Z", "2026-11-26T22:00"],
    ["0 22-4/2 * * *", "2026-11-26T00:00:00Z", "2026-11-26T02:00"],
    ["30 1 * * 1-5", "2026-11-27T02:00:00Z", "2026-11-30T01:30"],
    ["30 1 * * 7", "2026-11-27T02:00:00Z", "2026-11-29T01:30"],
    ["30 1 * * 6-7", "2026-11-28T02:00:00Z", "2026-11-29T01:30"],
    ["0 0 13 * 5", "2026-11-26T00:00:00Z", "2026-11-27T00:00"],
    ["0 0 13 * *", "2026-11-26T00:00:00Z", "2026-12-13T00:00"],
    ["0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00"],
    ["0 0 31 2 *", "2026-01-01T00:00:00Z", undefined],
    ["05 04 01 02 *", "2026-01-01T00:00:00Z", "2026-02-01T04:05"],
    ["1,3,50-52 5 * * *", "2026-01-01T05:04:00Z", "2026-01-01T05:50"],
  ])("%s after %s", (text, time, next) => {
    expect(new RegExp(formats.Schedule.pattern, "u").test(text)).toBe(true);
    expect(after(text, time)).toBe(next);
  });

  it("is met by the first minute that fits, and by no other", () => {
    const schedules = fc
      .stringMatching(new RegExp(formats.Schedule.pattern, "u"))
      .filter((v) => v.length <= 128);
    fc.assert(
      fc.property(schedules, fc.integer({ min: 0, max: 4e12 }), (text, from) => {
        const schedule = parseSchedule(text);
        for (const set of [schedule.minutes, schedule.hours, schedule.months])
          expect([...set].every((one) => Number.isInteger(one) && one >= 0 && one < 60)).toBe(true);
        const next = nextTime(schedule, from);
        if (next === undefined) return;
        expect(next).toBeGreaterThan(from);
        expect(nextTime(schedule, next - 1)).toBe(next);
        expect(nextTime(schedule, from + Math.floor((next - from - 1) / 2))).toBe(next);
        const date = new Date(next);
        expect(schedule.minutes.has(date.getUTCMinutes()) && schedule.hours.has(date.getUTCHours())).toBe(
          true,
        );
      }),
      { numRuns: 500 },
    );
  });

  it("is another minute for each cache, the same for one", () => {
    const minutes = Array.from({ length: 1_000 }, (_, i) => ownSchedule(`uid-${i}`));
    const counts = [...Map.groupBy(minutes, (text) => text).values()].map((all) => all.length);
    expect(counts).toHaveLength(60);
    expect(Math.max(...counts)).toBeLessThan(40);
    expect(ownSchedule("uid-7")).toBe(minutes[7]);
    expect(new RegExp(formats.Schedule.pattern, "u").test(ownSchedule("x"))).toBe(true);
  });
});
