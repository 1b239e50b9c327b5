import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blockedIn } from "../../../src/lineage/blocked.ts";
import { graphOf, type StepFacts, type StepState } from "../../../src/lineage/graph.ts";
import { stepFacts as step } from "../../support/lineage.ts";

const blocked = (steps: readonly StepFacts[]) => Object.fromEntries(blockedIn(graphOf(steps)));

describe("blockedIn", () => {
  test("names the step that failed before, however far", () => {
    const steps = [
      step("make", [], ["a"], "failed"),
      step("count", ["a"], ["b"], "suspended"),
      step("total", ["b", "c"], [], "suspended"),
      step("other", [], ["c"], "running"),
      step("plot", ["c"], [], "suspended"),
    ];
    expect(blocked(steps)).toEqual({ "job/count": "job/make", "job/total": "job/make" });
  });

  test.for<[string, readonly StepFacts[]]>([
    ["another step that can still make the input", [step("second", [], ["a"], "running")]],
    ["another step that has made the input", [step("second", [], ["a"], "succeeded")]],
  ])("leaves those out that have %s", ([, others]) => {
    const steps = [step("first", [], ["a"], "failed"), step("use", ["a"], [], "suspended"), ...others];
    expect(blocked(steps)).toEqual({});
  });

  test("does not take the step itself, or one that runs already, for blocked", () => {
    const itself = step("itself", ["x"], ["x"], "suspended");
    const running = step("use", ["a"], [], "running");
    expect(blocked([itself, running, step("make", [], ["a"], "failed")])).toEqual({});
  });

  test("is what following each input again and again finds", () => {
    const letters = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 3 });
    const state = fc.constantFrom<StepState>("failed", "suspended", "gated", "running", "succeeded");
    const steps = fc
      .array(fc.tuple(letters, letters, state), { maxLength: 9 })
      .map((all) => all.map(([inputs, outputs, is], at) => step(`s${at}`, inputs, outputs, is)));
    fc.assert(
      fc.property(steps, (all) => {
        expect(Object.keys(blocked(all)).sort()).toEqual(stuckIn(all).sort());
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The same by its definition. */
function stuckIn(steps: readonly StepFacts[]): string[] {
  const failed = new Set(steps.filter(({ state }) => state === "failed"));
  const stuck = new Set<StepFacts>();
  const names = (artifacts: StepFacts["inputs"]) => artifacts.map(({ address }) => address);
  const isStuck = (one: StepFacts) =>
    names(one.inputs).some((input) => {
      const makers = steps.filter((each) => each !== one && names(each.outputs).includes(input));
      return makers.length > 0 && makers.every((each) => failed.has(each) || stuck.has(each));
    });
  for (let before = -1; before !== stuck.size; ) {
    before = stuck.size;
    for (const each of steps)
      if (["suspended", "gated"].includes(each.state) && isStuck(each)) stuck.add(each);
  }
  return [...stuck].map(({ name }) => `job/${name}`);
}
