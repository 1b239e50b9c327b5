import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createClock } from "../../../src/kube/clock.ts";

const start = Date.parse("2026-11-26T12:00:00Z");
const day = 86_400_000;
const header = (ms: number) => new Date(ms).toUTCString();

afterEach(() => void vi.useRealTimers());

/** A clock of a machine whose own can be set. */
function machine() {
  vi.useFakeTimers({ toFake: ["Date", "performance"], now: start });
  return { clock: createClock(), set: (time: number) => vi.setSystemTime(time) };
}

describe("the clock of the API server", () => {
  test("is this machine's until it has answered", () => {
    const { clock } = machine();
    clock.hear(undefined);
    clock.hear("no date");
    expect(clock.now()).toBe(start);
  });

  test.each([60, 1, -1, -60])("does not jump by %i days with this machine's", (days) => {
    const { clock, set } = machine();
    clock.hear(header(start));
    set(start + days * day);
    expect(clock.now()).toBe(start);
    vi.advanceTimersByTime(5_000);
    expect(clock.now()).toBe(start + 5_000);
  });

  test("counts where this machine's was wrong from the beginning", () => {
    const { clock } = machine();
    clock.hear(header(start - 60 * day));
    expect(clock.now()).toBe(start - 60 * day);
  });

  test("does not go back for what the header cuts off, and does where the server's does", () => {
    const { clock } = machine();
    clock.hear(header(start));
    vi.advanceTimersByTime(900);
    clock.hear(header(start + 900));
    expect(clock.now()).toBe(start + 900);
    for (let i = 0; i < 8; i++) clock.hear(header(start - day));
    expect(clock.now()).toBe(start - day);
  });

  const seconds = (most: number) => fc.integer({ min: 0, max: most });
  /** How far the clock of who answers is ahead, and how long after the answer before. */
  const answers = (ahead: fc.Arbitrary<number>) =>
    fc.array(fc.record({ ahead, afterMs: fc.integer({ min: 0, max: 30_000 }) }), {
      minLength: 1,
      maxLength: 60,
    });

  test("never goes back while API servers that are minutes apart take turns, and is one of theirs, or between", () => {
    fc.assert(
      fc.property(answers(seconds(290)), (all) => {
        const { clock } = machine();
        let before = 0;
        const look = () => {
          expect(clock.now()).toBeGreaterThanOrEqual(before);
          before = clock.now();
          const [least, most] = [Date.now() - 1_000, Date.now() + 290_000];
          expect(before).toBeGreaterThanOrEqual(least);
          expect(before).toBeLessThanOrEqual(most);
        };
        for (const { ahead, afterMs } of all) {
          vi.advanceTimersByTime(afterMs);
          clock.hear(header(Date.now() + ahead * 1_000));
          look();
        }
        // Whichever it is that answers from now on: its clock counts.
        for (let i = 0; i < 15; i++) clock.hear(header(Date.now()));
        for (let i = 0; i < 60; i++) {
          vi.advanceTimersByTime(10_000);
          look();
        }
        expect(Math.abs(clock.now() - Date.now())).toBeLessThanOrEqual(1_000);
      }),
    );
  });

  test("is that of most API servers, however far the clock of another one is away", () => {
    const wrong = fc.constantFrom(-60, -1, 1, 60).map((days) => days * 86_400);
    fc.assert(
      fc.property(fc.array(wrong, { maxLength: 30 }), (all) => {
        const { clock } = machine();
        clock.hear(header(start));
        for (const ahead of all) {
          clock.hear(header(Date.now()));
          clock.hear(header(Date.now() + ahead * 1_000));
          expect(Math.abs(clock.now() - Date.now())).toBeLessThanOrEqual(1_000);
          vi.advanceTimersByTime(2_000);
          clock.hear(header(Date.now()));
        }
      }),
    );
  });
});

test("nothing of the operator decides by this machine's clock", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter(
    // Commands and their page are people's, and show their time.
    (file) => file.endsWith(".ts") && !/^(cli|page)\//.test(file) && file !== "kube/clock.ts",
  );
  const uses = files.filter((file) => /Date\.now|new Date\(\)/.test(readFileSync(join("src", file), "utf8")));
  expect(uses).toEqual([]);
});
