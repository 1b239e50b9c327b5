import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createAttempts } from "../../../src/controllers/attempts.ts";
import { FailedTryError, NameTakenError, NotYetError } from "../../../src/controllers/obstacles.ts";
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
    expect(last).toBeInstanceOf(FailedTryError);
    expect((last as Error).cause).toBe(refusal);
  });

  test("is tried at once when something else is to be done", async () => {
    expect((await ask(refusal, 10, 100, (at) => `desired ${at}`)).ran).toBe(10);
  });

  test("is forgotten after a success", async () => {
    const attempt = createAttempts();
    const failed = { cause: refusal, tries: 1, isNew: true };
    await expect(attempt("a", () => Promise.reject(refusal))).rejects.toMatchObject(failed);
    await attempt("b", async () => {});
    await expect(attempt("a", () => Promise.reject(refusal))).rejects.toMatchObject(failed);
  });
});

test("a conflict, and no answer, may be tried again at once", async () => {
  expect((await ask(new KubeError("PATCH /x", 409, {}), 10, 100)).ran).toBe(10);
  expect((await ask(new Error("ECONNREFUSED"), 10, 100)).ran).toBe(10);
});

describe("lif-25: what was refused for long", () => {
  // A quota, a policy, a webhook, a right that was taken away.
  test.each([403, 422, 400, 500])("with %i is tried within a minute of its being allowed", async (status) => {
    const attempt = createAttempts();
    const fail = () => attempt("x", () => Promise.reject(new KubeError("PATCH /x", status, {})));
    for (let tries = 0; tries < 50; tries++) {
      const { retryInMs } = (await fail().catch((e: unknown) => e)) as FailedTryError;
      expect(retryInMs).toBeLessThanOrEqual(60_000);
      vi.advanceTimersByTime(Math.ceil(retryInMs));
    }
    await expect(attempt("x", async () => "made")).resolves.toBe("made");
  });
});

const inTheWay = [new NameTakenError("x"), new NotYetError("x")];

test.each(inTheWay)(
  "lif-06: what $name is in the way is looked at every few seconds, for ever",
  async (error) => {
    const { ran } = await ask(error, 1_000, 600_000);
    expect(ran).toBeGreaterThan(600 / 16);
    expect(ran).toBeLessThan(600 / 10);
  },
);

test.each([new KubeError("PATCH /x", 403, {}), ...inTheWay])(
  "a failure ($name) says when it is tried again, and is new only when it was tried",
  async (error) => {
    const attempt = createAttempts();
    const fail = () => attempt("x", () => Promise.reject(error)).catch((e: FailedTryError) => e);
    for (let tries = 1; tries < 12; tries++) {
      const first = (await fail()) as FailedTryError;
      expect(first).toMatchObject({ cause: error, tries, isNew: true });
      vi.advanceTimersByTime(first.retryInMs - 1);
      expect(await fail()).toMatchObject({
        cause: error,
        tries,
        isNew: false,
        retryInMs: expect.closeTo(1, 3),
      });
      vi.advanceTimersByTime(2);
    }
  },
);
