import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
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
    clock.hear(header(start - day));
    expect(clock.now()).toBe(start - day);
  });
});

test("nothing of the operator decides by this machine's clock", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter(
    // Commands are people's, and their terminals show their time.
    (file) => file.endsWith(".ts") && !file.startsWith("cli/") && file !== "kube/clock.ts",
  );
  const uses = files.filter((file) => /Date\.now|new Date\(\)/.test(readFileSync(join("src", file), "utf8")));
  expect(uses).toEqual([]);
});
