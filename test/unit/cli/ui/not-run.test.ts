import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { names } from "../../../../schema/names.ts";
import { draw } from "../../../../src/cli/ui/drawing.ts";
import { formOf } from "../../../../src/page/form.ts";
import { matches } from "../../../../src/page/model.ts";
import { notRunWords, partsOf, underline, unseenWords } from "../../../../src/page/words.ts";
import { podOf } from "../../../support/builders.ts";
import { objectsOf, stepIn, takenFrom } from "../../../support/ui-objects.ts";

const map = { "input-uri": "parts/all:v1", "output-uri": "counts/all:v1" } as const;

/** The one step of some objects, as the page gets it. */
function shown(of: { readonly job?: V1Job; readonly pods?: readonly V1Pod[] }) {
  const objects = { ...objectsOf([]), jobs: of.job ? [of.job] : [], pods: of.pods ?? [] };
  const { drawing } = draw(objects, undefined);
  const [step] = drawing.steps;
  if (step === undefined) throw new Error("there is no step");
  return step;
}

/** An Indexed Job of six with what the operator says of it. */
function indexed(
  state: "succeeded" | "running" | "waiting",
  from: string | undefined,
  status: object = {},
): V1Job {
  const { job } = stepIn("align", { ...map, "output-uri": "counts/$(JOB_COMPLETION_INDEX):v1" }, state);
  const annotations = {
    ...job.metadata?.annotations,
    ...(from && { [names.memoizedFromAnnotation]: from }),
    ...(state === "waiting" && { [names.memoClaimAnnotation]: "claimed" }),
  };
  return {
    ...job,
    metadata: { ...job.metadata, annotations },
    spec: { ...job.spec, completions: 6, completionMode: "Indexed" },
    status: { ...job.status, ...status },
  } as V1Job;
}

describe("what did not run", () => {
  test("is a Job whose result was there: who made that is said", () => {
    const step = shown(stepIn("count", map, "notRun"));
    expect(formOf(step)).toBe("notRun");
    expect(step).toMatchObject({
      state: "succeeded",
      notRun: { by: "Job count", at: "2026-11-26T07:00:00.000Z" },
    });
    expect(underline(step, Date.now())).toBe("not run · count's result");
    expect(notRunWords(step)).toMatch(/^not run: took the result of Job count of /);
    expect(matches(step, { show: "all", query: "not run" })).toBe(true);
    expect(matches(step, { show: "succeeded", query: "" })).toBe(true);
  });

  test("is a Job that has ended so, before the operator has written who made the result", () => {
    const { job } = stepIn("count", map, "notRun");
    const { [names.memoizedFromAnnotation]: _, ...annotations } = job.metadata?.annotations ?? {};
    const step = shown({ job: { ...job, metadata: { ...job.metadata, annotations } } });
    expect(formOf(step)).toBe("notRun");
    expect(notRunWords(step)).toBe("not run: took a result of before");
  });

  test("is a Pod", () => {
    const pod = podOf("count", map);
    const annotations = {
      ...(pod.metadata as V1Pod["metadata"])?.annotations,
      [names.memoizedFromAnnotation]: takenFrom("count").replace("Job/", "Pod/"),
    };
    const status = { phase: "Succeeded", reason: "Memoized" };
    const step = shown({ pods: [{ ...pod, metadata: { name: "count", annotations }, status }] });
    expect([formOf(step), step.notRun?.by]).toEqual(["notRun", "Pod count"]);
  });

  test.each(["running", "succeeded"] as const)("are indexes of a Job that is %s", (state) => {
    const step = shown({ job: indexed(state, `${takenFrom("align")} indexes 0,2-4`, { succeeded: 4 }) });
    expect(step.notRun).toMatchObject({ by: "Job align", indexes: { text: "0,2-4", count: 4 } });
    // The others ran.
    expect(formOf(step)).not.toBe("notRun");
    expect(underline(step, Date.now())).toContain("4 not run");
    expect(notRunWords(step)).toMatch(
      /^indexes 0,2-4 not run: took results, the first that of Job align of /,
    );
  });

  test("are indexes of a Job that is still held", () => {
    const step = shown({ job: indexed("waiting", undefined, { completedIndexes: "5", succeeded: 1 }) });
    expect(notRunWords(step)).toBe("index 5 not run: took results of before");
  });

  test.each([
    ["a Job that ran", shown(stepIn("count", map, "succeeded"))],
    ["one that failed", shown(stepIn("count", map, "failed"))],
    ["one that waits", shown(stepIn("count", map, "waiting"))],
    ["an Indexed Job all of which ran", shown({ job: indexed("succeeded", undefined, { succeeded: 6 }) })],
    [
      "one with an annotation that names no index",
      shown({ job: indexed("succeeded", "Job/x 2026 indexes ‮") }),
    ],
  ])("is not %s", (_, step) => {
    expect([step.notRun, notRunWords(step)]).toEqual([undefined, ""]);
  });

  test("is told with no more of an annotation than the operator would have written", () => {
    const { job } = stepIn("count", map, "notRun");
    const annotations = { ...job.metadata?.annotations, [names.memoizedFromAnnotation]: "Job/evil‮ tomorrow" };
    expect(shown({ job: { ...job, metadata: { ...job.metadata, annotations } } }).notRun).toEqual({});
  });
});

describe("an artifact whose digest no Pod tells", () => {
  const reads = { "input-uri": "parts/all:v1", "output-uri": "counts/all:v1" } as const;
  const makes = { "input-uri": "data/raw:v1", "output-uri": "parts/all:v1" } as const;
  /** What is said of it beside the step that makes it, and beside the one that reads it. */
  const said = (maker: V1Job | undefined, reader: Parameters<typeof stepIn>[2]) => {
    const jobs = [...(maker ? [maker] : []), stepIn("count", reads, reader).job];
    const { pods } = stepIn("count", reads, reader);
    const { drawing } = draw({ ...objectsOf([]), jobs, pods }, undefined);
    const id = drawing.artifacts.find(({ reference }) => reference === "parts/all:v1")?.id ?? "";
    const step = drawing.steps.find((each) => each.id === "job/count");
    return [unseenWords(id, drawing), unseenWords(id, drawing, step)];
  };
  const split = (state: Parameters<typeof stepIn>[2]) => stepIn("split", makes, state).job;
  const there = (words: string) => ({ words, isThere: true });
  const notYet = { words: "not pushed yet, as far as is seen", isThere: false };

  test.each(["succeeded", "running", "waiting"] as const)(
    "is there where its maker did not run: %s",
    (reader) => {
      const words = there("a result that was there");
      expect(said(split("notRun"), reader)).toEqual([words, words]);
    },
  );

  test("is there where its maker has succeeded, and its Pods are gone", () => {
    const words = there("pushed by a Pod that is gone");
    expect(said(split("succeeded"), "waiting")).toEqual([words, words]);
  });

  test("may be there where indexes of its maker did not run", () => {
    const maker = indexed("running", `${takenFrom("align")} indexes 0,2-4`, { succeeded: 4 });
    const { drawing } = draw({ ...objectsOf([]), jobs: [maker] }, undefined);
    const made = drawing.artifacts.find(({ madeBy }) => madeBy.length > 0);
    expect(unseenWords(made?.id ?? "", drawing).words).toBe("a result that was there, or not pushed yet");
  });

  test("was there where its reader has started, whoever made it", () => {
    expect(said(undefined, "succeeded")[1]).toEqual(there("was there when the step started"));
    expect(said(split("failed"), "running")[1]).toEqual(there("was there when the step started"));
  });

  test.each(["running", "waiting", "failed"] as const)("is not there yet while its maker is %s", (state) => {
    expect(said(split(state), "waiting")).toEqual([notYet, notYet]);
  });

  test("is made by nobody here", () => {
    expect(said(undefined, "waiting")[1]).toEqual({ words: "no step here makes it", isThere: false });
  });
});

test("a step that waits says what holds it in the end", () => {
  const steps = [
    stepIn("south", { "output-uri": "south:1" }, "failed"),
    stepIn("merge", { "input-uri": "south:1", "output-uri": "merged:1" }, "waiting", "Waits for south:1."),
    stepIn("plot", { "input-uri": "merged:1" }, "waiting", "Waits for merged:1 (made by Job merge)."),
  ];
  const { drawing } = draw(objectsOf(steps), undefined);
  const plot = drawing.steps.find(({ id }) => id === "job/plot");
  expect(plot && underline(plot, Date.now())).toBe("south failed · cannot start");
  // A failure far before it changes it.
  const now = draw(
    objectsOf([stepIn("south", { "output-uri": "south:1" }, "running"), ...steps.slice(1)]),
    drawing,
  );
  const changed = now.drawing.steps.find(({ id }) => id === "job/plot");
  expect(changed && underline(changed, Date.now())).toBe("waits for merged:1");
});

test.each([
  ["climate/raw:trial-1", ["climate/", "raw", ":trial-1"]],
  ["a/b/c@sha256:12", ["a/b/", "c", "@sha256:12"]],
  ["raw:1", ["", "raw", ":1"]],
  ["parts/p-*:1 × 1,000", ["parts/", "p-*", ":1 × 1,000"]],
  ["raw", ["", "raw", ""]],
  ["", ["", "", ""]],
])("the name of an artifact has parts that are cut apart: %s", (title, parts) => {
  expect(Object.values(partsOf(title))).toEqual(parts);
});
