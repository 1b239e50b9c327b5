import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createPatience } from "../../../src/controllers/patience.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("so many times within the window, then a wait until the oldest has left it", () => {
  const patience = createPatience(2, 1_000);
  expect(patience.waitMs("a")).toBe(0);
  patience.spend("a");
  vi.advanceTimersByTime(400);
  expect(patience.waitMs("a")).toBe(0);
  patience.spend("a");
  expect(patience.waitMs("a")).toBe(600);
  expect(patience.waitMs("b")).toBe(0);
  vi.advanceTimersByTime(600);
  expect(patience.waitMs("a")).toBe(0);
});

test("what is forgotten was never done", () => {
  const patience = createPatience(1, 1_000);
  patience.spend("a");
  expect(patience.waitMs("a")).toBeGreaterThan(0);
  patience.forget("a");
  expect(patience.waitMs("a")).toBe(0);
});
