import type { V1Job } from "@kubernetes/client-node";
import { expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import type { ShownEvent } from "../../../src/cli/status/facts.ts";
import { inputsOf } from "../../../src/cli/status/inputs.ts";
import { jobOf } from "../../support/builders.ts";

const event = (reason: string, note: string, about = "Job/one"): ShownEvent => ({
  ...{ type: "Normal", reason, note, about, at: "2026-01-01T00:00:00Z" },
});
const said = (events: readonly ShownEvent[], message?: string) => {
  const conditions = message === undefined ? [] : [{ type: names.inputsAvailable, status: "False", message }];
  const job = { ...jobOf("one"), status: { conditions } } as V1Job;
  return inputsOf(job, { events }).map(({ text }) => text);
};

// A Job whose status somebody else writes has no condition of the operator's.
it.each<[string, readonly ShownEvent[], string | undefined, string[]]>([
  ["its condition", [event("WaitingForInputs", "an Event")], "a condition", ["a condition"]],
  [
    "its latest Event, where it has no condition",
    [
      event("InputNeverCame", "of another step", "Job/other"),
      event("Pulled", "of a container"),
      event("InputNeverCame", "it waits in vain"),
      event("WaitingForInputs", "it waits"),
    ],
    undefined,
    ["it waits in vain"],
  ],
  ["that nothing is known yet", [], undefined, [expect.stringContaining("has not said yet")]],
  [
    "the circle that it is in, and what it waits for",
    [event("InputCycle", "a circle"), event("WaitingForInputs", "it waits")],
    undefined,
    ["a circle", "it waits"],
  ],
])("what a step waits for is told by %s", (_, events, condition, texts) => {
  expect(said(events, condition)).toEqual(texts);
});
