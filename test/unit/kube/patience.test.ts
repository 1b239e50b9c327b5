import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createPatience } from "../../../src/kube/patience.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a number of times within the window, then a wait until the oldest has left it", () => {
  const patience = createPatience(2, 1_000);
  expect(patience.waitMs()).toBe(0);
  patience.spend();
  vi.advanceTimersByTime(400);
  expect(patience.waitMs()).toBe(0);
  patience.spend();
  expect(patience.waitMs()).toBe(600);
  expect(createPatience(2, 1_000).waitMs()).toBe(0);
  vi.advanceTimersByTime(600);
  expect(patience.waitMs()).toBe(0);
});
