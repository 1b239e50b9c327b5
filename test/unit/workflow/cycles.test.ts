import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { circleFrom } from "../../../src/workflow/cycles.ts";

/** Who waits for whom, by number. */
const graphs = fc
  .integer({ min: 1, max: 8 })
  .chain((size) =>
    fc.array(fc.uniqueArray(fc.nat(size - 1), { maxLength: size }), { minLength: size, maxLength: size }),
  )
  .map((edges) => edges.map((others) => others.map(String)));

/** Whether a step can be reached from what another waits for: by as many steps as there are, one more at a time. */
function reaches(graph: readonly (readonly string[])[], start: string): boolean {
  let reached = new Set(graph[Number(start)]);
  for (const _ of graph)
    reached = new Set([...reached, ...[...reached].flatMap((key) => graph[Number(key)] ?? [])]);
  return reached.has(start);
}

describe("a circle of steps that wait for each other", () => {
  it("is found where there is one through the first, and each of it waits for the next", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const circle = circleFrom("0", (key) => graph[Number(key)] ?? []);
        expect(circle !== undefined).toBe(reaches(graph, "0"));
        if (circle === undefined) return;
        expect(circle[0]).toBe("0");
        expect(new Set(circle).size).toBe(circle.length);
        for (const [i, key] of circle.entries())
          expect(graph[Number(key)]).toContain(circle[(i + 1) % circle.length] ?? "");
      }),
      { numRuns: 1_000 },
    );
  });

  it("asks for each step once, in a graph where paths are many", () => {
    const asked: string[] = [];
    const layers = 40;
    const circle = circleFrom("0", (key) => {
      asked.push(key);
      const layer = Number(key.split(".")[0]);
      return layer < layers ? ["a", "b", "c"].map((name) => `${layer + 1}.${name}`) : [];
    });
    expect(circle).toBe(undefined);
    expect(asked).toHaveLength(1 + 3 * layers);
  });
});
