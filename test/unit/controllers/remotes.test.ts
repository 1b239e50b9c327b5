import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRemotes } from "../../../src/controllers/remotes.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Remotes with an answer that a test can change, and how often each was asked. */
function remotes() {
  const state = { answers: true };
  const asked: string[] = [];
  const ask = createRemotes(async (url) => {
    asked.push(url);
    return { answers: state.answers, message: "m" };
  });
  return { state, asked, ask };
}

test("one that answers is asked again after minutes, however many caches name it", async () => {
  const { asked, ask } = remotes();
  const all = await Promise.all(Array.from({ length: 100 }, () => ask("ghcr.io")));
  expect(asked).toEqual(["https://ghcr.io"]);
  expect(all[0]).toEqual({ answer: { answers: true, message: "m" }, againInMs: 300_000 });
  vi.advanceTimersByTime(299_000);
  await ask("ghcr.io");
  expect(asked).toHaveLength(1);
  vi.advanceTimersByTime(1_001);
  await ask("ghcr.io");
  expect(asked).toHaveLength(2);
});

test("one that does not answer is asked soon, then less and less often", async () => {
  const { state, ask } = remotes();
  state.answers = false;
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    const { againInMs } = await ask("gone.example");
    waits.push(againInMs);
    vi.advanceTimersByTime(againInMs + 1);
  }
  expect(waits[0]).toBeLessThanOrEqual(15_000);
  expect(waits[5]).toBeGreaterThan(200_000);
  state.answers = true;
  expect((await ask("gone.example")).againInMs).toBe(300_000);
});
