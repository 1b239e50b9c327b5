import { expect, test } from "vitest";
import { draw } from "../../../src/cli/ui/drawing.ts";
import { becomeOf } from "../../../src/page/become.ts";
import { objectsOf, stepIn } from "../../support/ui-objects.ts";

const names = ["a", "b", "c", "d", "e"];

/** These steps, some of them in other states than `waiting`. */
function steps(states: Readonly<Record<string, Parameters<typeof stepIn>[2]>> = {}) {
  const all = names.map((name) =>
    stepIn(name, { "output-uri": `${name}/all:v1` }, states[name] ?? "waiting"),
  );
  return draw(objectsOf(all), undefined).drawing.steps;
}

test.each([
  ["nothing", {}, {}, ""],
  ["a failure", {}, { a: "failed" }, "a failed."],
  ["the failures first", {}, { a: "succeeded", b: "failed" }, "b failed. a succeeded."],
  ["a start", {}, { a: "running", c: "running" }, "a, c started."],
  ["many as a number", {}, { a: "failed", b: "failed", c: "failed", d: "failed" }, "4 steps failed."],
  ["no step that did not run as anything else", {}, { a: "notRun" }, "a succeeded."],
  ["nobody who waits again", { a: "running" }, {}, ""],
] as const)("tells %s", (_, before, now, words) => {
  expect(becomeOf(steps(before), steps(now))).toBe(words);
});

test("tells nothing of steps that are new or gone", () => {
  const all = steps({ a: "failed" });
  expect(becomeOf([], all)).toBe("");
  expect(becomeOf(all, [])).toBe("");
});
