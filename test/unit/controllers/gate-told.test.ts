import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ToldBefore, tellOverdue, untilTold } from "../../../src/controllers/gate-told.ts";

const uid = "one";

/** Looks at a step at each of some times, and tells when it is time to: what it waits for is another thing each time. */
function tellings(times: readonly number[], told = new Map<string, ToldBefore>()): number[] {
  return times.filter((now) => {
    const sentence = `waits at ${now}`;
    const isNow = untilTold(told, { uid }, { sentence, record: "", isWritten: false, now }) === 0;
    if (isNow) told.set(uid, { sentence, at: now });
    return isNow;
  });
}

describe("that somebody else is to end a step", () => {
  it("is told once an hour at most, whatever changes meanwhile, and also where what it waits for is told", () => {
    const about = fc.record({
      gap: fc.integer({ min: 1, max: 1_500_000 }),
      reason: fc.constantFrom("InputNeverCame" as const, "InputProducerFailed" as const),
      sentence: fc.constantFrom("waits for a", "waits for b"),
    });
    fc.assert(
      fc.property(fc.array(about, { minLength: 1, maxLength: 40 }), (looks) => {
        const told = new Map<string, ToldBefore>();
        const times: number[] = [];
        let now = 0;
        for (const { gap, reason, sentence } of looks) {
          now += gap;
          untilTold(told, { uid }, { sentence, record: "", isWritten: true, now });
          const tell = () => void times.push(now);
          const againInMs = tellOverdue(
            told,
            { uid, otherManager: "x/y" },
            { reason, why: "", sentence, tell, now },
          );
          expect(now + againInMs).toBe((times.at(-1) ?? 0) + 3_600_000);
        }
        for (const [i, at] of times.slice(1).entries())
          expect(at - (times[i] ?? 0)).toBeGreaterThanOrEqual(3_600_000);
      }),
    );
  });
});

describe("what a step waits for", () => {
  it("is told at once first, then together", () => {
    expect(tellings([0, 10, 500, 1_009, 1_010, 1_020, 2_500])).toEqual([0, 1_010, 2_500]);
  });

  it("is told at most once a second, and never later than a second after it has changed", () => {
    const steps = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(steps, (gaps) => {
        let now = 0;
        const times = [0, ...gaps.map((gap) => (now += gap))];
        const [, ...later] = tellings(times);
        for (const [i, at] of later.entries()) expect(at - (later[i - 1] ?? 0)).toBeGreaterThanOrEqual(1_000);
        expect((times.at(-1) ?? 0) - (later.at(-1) ?? 0)).toBeLessThan(2_400);
      }),
    );
  });

  it("is not told where it is what was told before", () => {
    const told = new Map<string, ToldBefore>([[uid, { sentence: "waits", at: 0 }]]);
    expect(untilTold(told, { uid }, { sentence: "waits", record: "r", isWritten: false, now: 0 })).toBe(
      1_000,
    );
    // What was written has come back.
    expect(untilTold(told, { uid }, { sentence: "waits", record: "r", isWritten: true, now: 500 })).toBe(0);
    expect(told.get(uid)).toEqual({ sentence: "waits", record: "r", at: 0 });
  });
});
