import { describe, expect, test } from "vitest";
import { stepsOf } from "../../../../src/cli/graph/steps.ts";
import type { Session } from "../../../../src/cli/remote/session.ts";
import { heldOf, transfersOf } from "../../../../src/cli/ui/artifacts.ts";
import { draw } from "../../../../src/cli/ui/drawing.ts";
import { artifactIn, leftIn, matches } from "../../../../src/page/model.ts";
import { unseenWords } from "../../../../src/page/words.ts";
import { objectsOf, stepIn } from "../../../support/ui-objects.ts";

const session = { kubectlOptions: "--namespace runs", namespace: "runs" } as Session;
const flaky = { "output-uri": "made/x:1", "failure-uri": "failed/x:1" } as const;
const debug = { "input-uri": "failed/x:1", "output-uri": "seen/x:1" } as const;
const place = "oras-0.oras.runs.svc.cluster.local:5000/failed/x:1";
const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);

describe("what a failed step has left", () => {
  const objects = objectsOf([stepIn("flaky", flaky, "failed")]);
  const { drawing } = draw(objects, undefined);

  test("is an artifact of the page, though no step makes or reads it", () => {
    expect(drawing.artifacts.map(({ reference }) => reference)).toEqual(["made/x:1"]);
    expect(artifactIn(place, drawing)).toEqual({
      ...{ id: place, reference: "failed/x:1", digest },
      ...{ madeBy: [], usedBy: [], leftBy: ["job/flaky"] },
    });
    expect(artifactIn("no/such:1", drawing)).toBeUndefined();
    expect(leftIn(drawing.steps)).toBe(1);
  });

  test("is found by its name and its digest", () => {
    const [step] = drawing.steps;
    if (step === undefined) throw new Error("there is no step");
    for (const query of ["failed/x", step.leaves?.[0]?.digest ?? "none"])
      expect(matches(step, { show: "all", query })).toBe(true);
  });

  test("is told with the command that gets it, and its registry may be asked", async () => {
    const [step] = stepsOf(objects);
    if (step === undefined) throw new Error("there is no step");
    expect(transfersOf(step, objects.pods, objects, session).left).toEqual([
      {
        ...{ id: place, reference: "failed/x:1", digest },
        command: "kubectl oras-cache get --namespace runs --cache oras failed/x:1",
      },
    ]);
    const remote = { ...flaky, registry: "https://r.example" };
    const elsewhere = objectsOf([stepIn("flaky", remote, "failed")]);
    expect(await heldOf(session, elsewhere, "r.example/failed/x:1")).toEqual({
      command: "oras pull r.example/failed/x:1",
      unread: "r.example is no registry of this namespace, so it was not asked.",
    });
  });

  test.each([
    ["failed without a Pod that says so", "failed", ["failed/x:1"]],
    ["runs", "running", []],
    ["has succeeded", "succeeded", []],
  ] as const)("may be there where the step %s", (_, state, wanted) => {
    const without = { ...objectsOf([stepIn("flaky", flaky, state)]), pods: [] };
    const [step] = stepsOf(without).map((each) => ({ ...each, state }));
    const { left } = transfersOf(step ?? { inputs: [], outputs: [] }, [], without, session);
    expect(left.map(({ reference, digest: seen }) => [reference, seen])).toEqual(
      wanted.map((reference) => [reference, undefined]),
    );
    expect(leftIn(draw(without, undefined).drawing.steps)).toBe(0);
  });

  test("has no character in its name that changes how the page is read", () => {
    const hostile = objectsOf([stepIn("flaky", { ...flaky, "failure-uri": "failed/x:\u202e1" }, "failed")]);
    const [step] = draw(hostile, undefined).drawing.steps;
    expect(step?.leaves?.map(({ reference }) => reference)).toEqual(["failed/x:\\u202e1"]);
  });

  test("comes from the step that fails, for who reads it", () => {
    const steps = [
      stepIn("flaky", flaky, "running"),
      stepIn("debug", debug, "waiting", "Waits for failed/x:1."),
    ];
    const read = draw(objectsOf(steps), undefined).drawing;
    const reader = read.steps.find(({ id }) => id === "job/debug");
    expect(unseenWords(place, read, reader)).toEqual({
      words: "flaky makes it only if it fails",
      isThere: false,
    });
    expect(artifactIn(place, read)).toMatchObject({ leftBy: ["job/flaky"], usedBy: ["job/debug"] });
    const second = [...steps, stepIn("frail", { ...flaky, "output-uri": "made/y:1" }, "running")];
    const both = draw(objectsOf(second), undefined).drawing;
    expect(unseenWords(place, both, reader).words).toBe("2 steps make it only if they fail");
  });

  test("by several steps under one name has no digest that could be that of another push", () => {
    const two = [
      stepIn("flaky", flaky, "failed"),
      stepIn("frail", { ...flaky, "output-uri": "made/y:1" }, "failed"),
    ];
    expect(artifactIn(place, draw(objectsOf(two), undefined).drawing)).toMatchObject({
      ...{ digest: undefined, leftBy: ["job/flaky", "job/frail"] },
    });
  });
});
