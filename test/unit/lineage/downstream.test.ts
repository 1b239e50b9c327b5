import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { downstreamOf, inOrderOfData } from "../../../src/lineage/downstream.ts";
import { graphOf } from "../../../src/lineage/graph.ts";
import { stepFacts as step } from "../../support/lineage.ts";

const graph = graphOf([
  step("total", ["b", "c"], ["d"]),
  step("make", [], ["a"]),
  step("count", ["a"], ["b"]),
  step("other", [], ["c"]),
]);

describe("downstreamOf", () => {
  test("follows what is made through all that read it", () => {
    expect([...downstreamOf(graph, ["job/count"])]).toEqual(["job/count", "job/total"]);
    expect([...downstreamOf(graph, ["job/make"])]).toEqual(["job/make", "job/count", "job/total"]);
  });
});

describe("inOrderOfData", () => {
  test("has each step after those that make its inputs, as far as they are chosen", () => {
    const ids = (chosen: readonly string[]) => inOrderOfData(graph, new Set(chosen)).map(({ id }) => id);
    expect(ids(["job/total", "job/make"])).toEqual(["job/make", "job/total"]);
    expect(ids(["job/total", "job/make", "job/count"])).toEqual(["job/make", "job/count", "job/total"]);
  });

  test("has all that are chosen, each once, also in cycles", () => {
    const letters = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { maxLength: 2 });
    const steps = fc.array(fc.tuple(letters, letters), { maxLength: 8 });
    fc.assert(
      fc.property(steps, (all) => {
        const drawn = graphOf(all.map(([inputs, outputs], at) => step(`s${at}`, inputs, outputs)));
        const ids = drawn.steps.map(({ id }) => id);
        const ordered = inOrderOfData(drawn, new Set(ids));
        expect(ordered.map(({ id }) => id).sort()).toEqual(ids.sort());
      }),
    );
  });
});
