import type { V1Job } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { beforeOf } from "../../../src/cli/status/before.ts";
import type { ShownEvent } from "../../../src/cli/status/facts.ts";
import { inputsOf } from "../../../src/cli/status/inputs.ts";
import { jobOf } from "../../support/builders.ts";
import { objectsOf, stepIn } from "../../support/ui-objects.ts";

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

describe("the cure fits what is found", () => {
  const nobody = (what: string) =>
    `Waits for ${what} (not in the registry, and no step of this namespace makes it).`;
  const make = { "output-uri": "climate/south:1" } as const;
  const merge = { "input-uri": "climate/south:1", "output-uri": "climate/merged:1" } as const;
  const plot = { "input-uri": "climate/merged:1", "output-uri": "climate/plot:1" } as const;
  const waitsFor = (artifact: string, step: string) => `Waits for ${artifact} (made by Job ${step}).`;
  const plotWaits = stepIn("plot", plot, "waiting", waitsFor("climate/merged:1", "merge"));
  const mergeWaits = stepIn("merge", merge, "waiting", waitsFor("climate/south:1", "south"));
  type Step = ReturnType<typeof stepIn>;
  const about = (own: Step, others: readonly Step[], more: object = {}) => {
    const objects = { ...objectsOf([own, ...others]), ...more };
    const before = beforeOf(objects, `job/${own.job.metadata?.name}`);
    return inputsOf(own.job, { events: [], before });
  };
  /** A Job that failed as the gates end it. */
  const endedByGates = (step: Step): Step => {
    const failed = { type: "Failed", status: "True", reason: "InputProducerFailed", message: "it failed" };
    const status = { ...step.job.status, conditions: [failed] };
    return { pods: [], job: { ...step.job, status } as unknown as V1Job };
  };

  it("of a step that failed, right before it or far before it", () => {
    const south = stepIn("south", make, "failed");
    for (const found of [about(mergeWaits, [south]), about(plotWaits, [south, mergeWaits])]) {
      expect(found[0]).toMatchObject({ level: "bad" });
      expect(found[0]?.text).toMatch(
        /^Cannot start: job\/south failed: OOMKilled: The container main ended with exit code 137\.$/,
      );
      expect(found[0]?.todo).toContain("Then run it again: kubectl oras-cache rerun job/south. ");
      expect(found[1]).toEqual({ level: "waits", text: expect.stringContaining("Waits for ") });
      expect(found).toHaveLength(2);
    }
  });

  it("of steps that failed for the sake of the first: all run again", () => {
    const [first] = about(plotWaits, [stepIn("south", make, "failed"), endedByGates(mergeWaits)]);
    expect(first?.text).toContain("job/south failed");
    expect(first?.todo).toContain("kubectl oras-cache rerun job/south --downstream. ");
  });

  it("of an input that nobody makes, of its own or of a step before it", () => {
    const lost = stepIn("merge", merge, "waiting", nobody("climate/south:1"));
    const [own] = about(lost, []);
    expect(own?.todo).toMatch(/^Push it, .*kubectl oras-cache put.*input-uri\. Or set wait-for-inputs/);
    const [far, waits] = about(plotWaits, [lost]);
    expect(far?.text).toBe(
      `Waits in the end for job/merge, whose input no step makes: ${nobody("climate/south:1")}`,
    );
    expect(far?.todo).toContain("kubectl oras-cache why job/merge");
    expect(waits?.todo).toBeUndefined();
  });

  it("of a circle, without what else could be done", () => {
    const south = stepIn("south", { ...make, "input-uri": "climate/merged:1" }, "waiting", "Waits.");
    const found = about(mergeWaits, [south]);
    expect(found[0]?.todo).toContain("input-uri of one of them");
    expect(found[1]?.todo).toBeUndefined();
    expect(about(plotWaits, [south, mergeWaits])[0]?.text).toMatch(/, which is in a cycle/);
  });

  it("of a plain wait: nothing, and where to look", () => {
    const [only, ...others] = about(mergeWaits, [stepIn("south", make, "running")]);
    expect(others).toEqual([]);
    expect(only?.todo).toMatch(/^Nothing: .* kubectl oras-cache why job\/south says how far that is\./);
  });

  it("of an OrasCache that is not there", () => {
    const [first, waits] = about(mergeWaits, [stepIn("south", make, "running")], { hasCaches: true });
    expect(first).toMatchObject({ level: "bad", text: "There is no OrasCache oras in this namespace." });
    expect(first?.todo).toContain("Create it");
    expect(waits?.text).toBe(waitsFor("climate/south:1", "south"));
    expect(waits?.todo).toBeUndefined();
    // Who may not see OrasCaches is not told that there is none.
    expect(about(mergeWaits, [stepIn("south", make, "running")])[0]?.level).toBe("waits");
  });

  it.each([
    ["Waits until all steps of its batch are there; all inputs are.", "Create the steps of its batch"],
    ["All inputs are there; waits for steps that may be created together with it.", "Nothing: it starts"],
    [
      "Waits for a/b:1 (Job south, which ended without a push, was to make it and failed: create that again).",
      "Create the step that failed again",
    ],
  ])("of what the operator alone knows: %s", (sentence, todo) => {
    expect(about(stepIn("merge", { "output-uri": "a/b:2" }, "waiting", sentence), [])[0]?.todo).toContain(
      todo,
    );
  });
});
