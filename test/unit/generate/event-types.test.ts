import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { eventReasons, typeOfEvent } from "../../../schema/reasons.ts";

/** Events as the source writes them, where type and reason are both written out. */
const written = globSync("src/controllers/**/*.ts").flatMap((file) => {
  const source = readFileSync(file, "utf8");
  const literals = [...source.matchAll(/type: "(Normal|Warning)",[^{}]*?\breason: "(\w+)"/g)];
  const notes = [...source.matchAll(/\bnote\("\w+", "(\w+)", "\w+"/g)].map(([, reason]) => [
    "",
    "Normal",
    reason,
  ]);
  return [...literals, ...notes].map(([, type, reason = ""]) => [reason, type, file] as const);
});

test("the source is read", () => {
  expect(written.length).toBeGreaterThan(25);
});

test.each(written)(
  "the docs give the Event %s the type with which it is published: %s (%s)",
  (reason, type) => {
    expect(typeOfEvent(reason)).toBe(type);
  },
);

test("each Event about a container that ended with an exit code is a Warning", () => {
  expect(typeOfEvent(Object.keys(eventReasons.step).at(-1) ?? "")).toBe("Warning");
});
