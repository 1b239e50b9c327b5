import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blockedIn, holderWords, withHolders } from "../../../src/lineage/blocked.ts";
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

describe("what holds a step in the end", () => {
  const held = (steps: readonly StepFacts[]) =>
    Object.fromEntries(
      withHolders(graphOf(steps)).steps.flatMap(({ name, heldBy }) =>
        heldBy ? [[name, holderWords(heldBy)]] : [],
      ),
    );
  const use = step("use", ["a"], ["b"]);
  const plot = step("plot", ["b"], []);
  const waits = (message: string) => ({ reason: "WaitingForInputs", message });

  test.for<[string, readonly StepFacts[], string | undefined]>([
    ["a step that failed", [step("make", [], ["a"], "failed")], "cannot start: job/make failed"],
    [
      "the first of the steps that failed, each for the sake of the one before",
      [
        { ...step("make", ["x"], ["a"], "failed"), reason: "InputProducerFailed" },
        { ...step("split", ["y"], ["x"], "failed"), reason: "InputProducerFailed" },
        step("fetch", [], ["y"], "failed"),
      ],
      "cannot start: job/fetch failed",
    ],
    [
      "a step that failed for the sake of one that is gone",
      [{ ...step("make", ["x"], ["a"], "failed"), reason: "InputProducerFailed" }],
      "cannot start: job/make failed",
    ],
    [
      "a step whose input nobody makes",
      [
        {
          ...step("make", ["x"], ["a"]),
          ...waits("Waits for x (not in the registry, and no step of this namespace makes it)."),
        },
      ],
      "waits in the end for job/make, whose input no step makes",
    ],
    [
      "a step that is suspended",
      [step("make", [], ["a"], "suspended")],
      "waits in the end for job/make, which is suspended",
    ],
    [
      "a step that cannot start",
      [{ ...step("make", [], ["a"]), reason: "ImagePullFailed" }],
      "waits in the end for job/make, which does not start: ImagePullFailed",
    ],
    [
      "a step that failed, where another one is suspended",
      [step("first", [], ["a"], "failed"), step("second", [], ["a"], "suspended")],
      "waits in the end for job/second, which is suspended",
    ],
    ["nothing, where a step runs", [step("make", [], ["a"], "running")], undefined],
    ["nothing, where a step is about to start", [step("make", [], ["a"])], undefined],
    [
      "nothing, where one of two that make it can",
      [step("make", [], ["a"], "suspended"), step("second", [], ["a"], "running")],
      undefined,
    ],
  ])("is %s", ([, others, words]) => {
    const expected = words === undefined ? {} : { use: words, plot: words };
    const found = held([use, plot, ...others]);
    expect({ use: found.use, plot: found.plot }).toEqual({ use: undefined, plot: undefined, ...expected });
  });

  test("is a cycle, for those behind it and not for those in it", () => {
    const steps = [step("one", ["x"], ["y", "a"]), step("two", ["y"], ["x"]), use];
    expect(held(steps)).toEqual({ use: "waits in the end for job/one, which is in a cycle" });
  });

  test("is found where steps failed in a circle", () => {
    const failed = (name: string, input: string, output: string) => ({
      ...step(name, [input], [output], "failed"),
      reason: "InputProducerFailed",
    });
    expect(held([failed("one", "x", "a"), failed("two", "a", "x"), use]).use).toMatch(
      /^cannot start: job\/(one|two) failed$/,
    );
  });

  test("is found at the end of a long chain", () => {
    const chain = Array.from({ length: 20_000 }, (_, at) => step(`s${at}`, [`x${at}`], [`x${at + 1}`]));
    const found = held([step("first", [], ["x0"], "failed"), ...chain]);
    expect(found.s19999).toBe("cannot start: job/first failed");
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
