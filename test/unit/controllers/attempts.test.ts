import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createAttempts } from "../../../src/controllers/attempts.ts";
import { NameTakenError, StillFailingError } from "../../../src/controllers/obstacles.ts";
import { KubeError } from "../../../src/kube/errors.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** How often the action ran, and the last error, when it is asked for every so often. */
async function ask(error: unknown, everyMs: number, forMs: number, what = (_at: number) => "same") {
  const attempt = createAttempts();
  let ran = 0;
  let last: unknown;
  for (let at = 0; at < forMs; at += everyMs) {
    last = await attempt(what(at), async () => {
      ran++;
      throw error;
    }).catch((e: unknown) => e);
    vi.advanceTimersByTime(everyMs);
  }
  return { ran, last };
}

describe("lif-19: what is refused", () => {
  const refusal = new KubeError("PATCH /x", 403, { message: "no" });

  test("is tried a dozen times in a minute at most, however often it is asked for", async () => {
    const { ran, last } = await ask(refusal, 10, 60_000);
    expect(ran).toBeLessThanOrEqual(12);
    expect(ran).toBeGreaterThan(3);
    expect(last).toBeInstanceOf(StillFailingError);
    expect((last as Error).cause).toBe(refusal);
  });

  test("is tried at once when something else is to be done", async () => {
    expect((await ask(refusal, 10, 100, (at) => `desired ${at}`)).ran).toBe(10);
  });

  test("is forgotten after a success", async () => {
    const attempt = createAttempts();
    await expect(attempt("a", () => Promise.reject(refusal))).rejects.toBe(refusal);
    await attempt("b", async () => {});
    await expect(attempt("a", () => Promise.reject(refusal))).rejects.toBe(refusal);
  });
});

test("a conflict, and no answer, may be tried again at once", async () => {
  expect((await ask(new KubeError("PATCH /x", 409, {}), 10, 100)).ran).toBe(10);
  expect((await ask(new Error("ECONNREFUSED"), 10, 100)).ran).toBe(10);
});

test("lif-06: a name that is taken is looked at every few seconds, for ever", async () => {
  const { ran } = await ask(new NameTakenError("x"), 1_000, 600_000);
  expect(ran).toBeGreaterThan(600 / 16);
});
