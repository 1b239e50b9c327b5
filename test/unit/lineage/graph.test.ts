import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldGraph } from "../../../src/lineage/fold.ts";
import { graphOf, type StepFacts, stepStates } from "../../../src/lineage/graph.ts";
import { layoutOf } from "../../../src/lineage/layout.ts";
import { stepFacts as step } from "../../support/lineage.ts";

const ids = (nodes: readonly { readonly id: string }[]) => nodes.map(({ id }) => id);

describe("graphOf", () => {
  test("joins who makes an artifact and who reads it", () => {
    const { steps, artifacts, cycles } = graphOf([
      step("total", ["b"], []),
      step("split", ["raw"], ["a", "b"]),
      step("count", ["a"], ["c"]),
    ]);
    expect(ids(steps)).toEqual(["job/count", "job/split", "job/total"]);
    expect(artifacts).toMatchObject([
      { id: "a", madeBy: ["job/split"], usedBy: ["job/count"] },
      { id: "b", madeBy: ["job/split"], usedBy: ["job/total"] },
      { id: "c", madeBy: ["job/count"], usedBy: [] },
      { id: "raw", madeBy: [], usedBy: ["job/split"] },
    ]);
    expect(cycles).toEqual([]);
  });

  test("has each artifact of a step once, and the digest of the latest push", () => {
    const push = (digest: string, at: string) => [{ address: "a", reference: "a", pushed: { digest, at } }];
    const { steps, artifacts } = graphOf([
      { ...step("first", ["x", "x"], []), outputs: push("sha256:2", "2026-01-02T00:00:00Z") },
      { ...step("second", [], []), outputs: push("sha256:1", "2026-01-01T00:00:00Z") },
    ]);
    expect(steps[0]?.inputs).toEqual(["x"]);
    expect(artifacts[0]).toMatchObject({ digest: "sha256:2", madeBy: ["job/first", "job/second"] });
  });

  test.for(["oras:5000/x/y:1", "oras:5000/x/y"])(
    "knows who pushed to %s what is read by its digest",
    (address) => {
      const digest = `sha256:${"ab".repeat(32)}`;
      const outputs = [{ address, reference: "x/y:1", pushed: { digest, at: "2026-01-01T00:00:00Z" } }];
      const other = `oras:5000/x/z@${digest}`;
      const { artifacts } = graphOf([
        { ...step("maker", [], []), outputs },
        step("reader", [`oras:5000/x/y@${digest}`, other], []),
      ]);
      expect(artifacts.filter(({ usedBy }) => usedBy.length > 0)).toMatchObject([
        { id: `oras:5000/x/y@${digest}`, digest, madeBy: ["job/maker"] },
        { id: other, madeBy: [] },
      ]);
    },
  );

  test("finds cycles in the order of the data, and what leads into one is not in it", () => {
    const { cycles } = graphOf([
      step("a", ["z"], ["x"]),
      step("b", ["x"], ["y"]),
      step("c", ["y"], ["z", "out"]),
      step("into", [], ["x"]),
      step("after", ["out"], []),
      step("itself", ["own"], ["own"]),
    ]);
    expect(cycles).toEqual([["job/a", "job/b", "job/c"]]);
  });
});

describe("layoutOf", () => {
  test("puts what nobody makes next to its first reader", () => {
    const edges = [
      [0, 1],
      [1, 2],
      [3, 2],
    ] as const;
    expect(layoutOf(4, edges).rank).toEqual([0, 1, 2, 1]);
  });

  test("uncrosses what can be uncrossed", () => {
    const edges = [
      [0, 3],
      [1, 2],
    ] as const;
    const { place } = layoutOf(4, edges);
    expect(Math.sign((place[0] ?? 0) - (place[1] ?? 0))).toBe(Math.sign((place[3] ?? 0) - (place[2] ?? 0)));
  });

  test("is whole for any edges: one node at a place, forward edges lead on", () => {
    const edge = (count: number) => fc.tuple(fc.nat(count - 1), fc.nat(count - 1));
    const graphs = fc
      .integer({ min: 1, max: 30 })
      .chain((count) => fc.record({ count: fc.constant(count), edges: fc.array(edge(count)) }));
    fc.assert(
      fc.property(graphs, ({ count, edges }) => {
        const { rank, place, back } = layoutOf(count, edges);
        expect(new Set(rank.map((of, node) => `${of} ${place[node]}`)).size).toBe(count);
        for (const edge of edges)
          if (!back.has(edge)) expect(rank[edge[0]]).toBeLessThan(rank[edge[1]] as number);
        expect(rank.every((of) => of >= 0)).toBe(true);
      }),
    );
  });

  test("does not run out of stack on a chain", () => {
    const count = 20_000;
    const edges = Array.from({ length: count - 1 }, (_, at) => [at, at + 1] as const);
    expect(layoutOf(count, edges).rank.at(-1)).toBe(count - 1);
  });
});

const fan = (count: number): StepFacts[] => [
  step(
    "split",
    ["raw"],
    Array.from({ length: count }, (_, i) => `part:${i}`),
  ),
  ...Array.from({ length: count }, (_, i) =>
    step(`analyze-${i}`, [`part:${i}`], [`seen:${i}`], i % 300 === 7 ? "failed" : "succeeded"),
  ),
  step(
    "merge",
    Array.from({ length: count }, (_, i) => `seen:${i}`),
    ["all"],
  ),
];

describe("foldGraph", () => {
  test("folds equal branches, and lines up what is left", () => {
    const { nodes, edges, layout } = foldGraph(graphOf(fan(1000)));
    const inOrder = [...nodes.keys()].sort((a, b) => (layout.rank[a] ?? 0) - (layout.rank[b] ?? 0));
    expect(inOrder.map((at) => `${nodes[at]?.label} ${nodes[at]?.members.length}`)).toEqual([
      ...["raw 1", "job/split 1", "part:* 1000", "job/analyze-* 1000", "seen:* 1000", "job/merge 1", "all 1"],
    ]);
    expect(edges.length).toBe(6);
  });

  test.for([
    ["a chain", (i: number) => step(`s-${i}`, [`x:${i}`], [`x:${i + 1}`]), 10 + 11],
    ["a ring", (i: number) => step(`s-${i}`, [`x:${i}`], [`x:${(i + 1) % 10}`]), 10 + 10],
  ] as const)("keeps the steps of %s apart", ([, make, count]) => {
    expect(foldGraph(graphOf(Array.from({ length: 10 }, (_, i) => make(i)))).nodes.length).toBe(count);
  });

  test("has every node of any graph once, no failed step lost, every edge between nodes", () => {
    const name = fc.constantFrom("a-1", "a-2", "a-3", "a-4", "a-5", "b-1", "b-2", "b-3", "b-4", "c");
    const uris = fc.uniqueArray(fc.constantFrom("x:1", "x:2", "x:3", "x:4", "x:5", "y:1", "y:2", "z"), {
      maxLength: 4,
    });
    const one = fc.record({ name, inputs: uris, outputs: uris, state: fc.constantFrom(...stepStates) });
    fc.assert(
      fc.property(fc.uniqueArray(one, { selector: (each) => each.name }), (drawn) => {
        const graph = graphOf(drawn.map((each) => step(each.name, each.inputs, each.outputs, each.state)));
        const { nodes, edges, layout } = foldGraph(graph);
        const members = nodes.flatMap((node): string[] => ids(node.members));
        expect(members.toSorted()).toEqual([...ids(graph.steps), ...ids(graph.artifacts)].toSorted());
        const failed = nodes.flatMap((node) => (node.type === "steps" ? node.members : []));
        expect(failed.filter(({ state }) => state === "failed").length).toBe(
          drawn.filter(({ state }) => state === "failed").length,
        );
        const known = new Set(ids(graph.artifacts));
        for (const { inputs, outputs } of graph.steps)
          for (const id of [...inputs, ...outputs]) expect(known).toContain(id);
        for (const [from, to] of edges) expect(nodes[from]?.type).not.toBe(nodes[to]?.type);
        expect(edges.flat().every((at) => at < nodes.length)).toBe(true);
        const spots = new Set(nodes.map((_, at) => `${layout.rank[at]} ${layout.place[at]}`));
        expect(spots.size).toBe(nodes.length);
        const inCycles = graph.cycles.flat();
        expect(new Set(inCycles).size).toBe(inCycles.length);
        for (const cycle of graph.cycles) {
          expect(cycle.length).toBeGreaterThan(1);
          cycle.forEach((id, at) => {
            const made = graph.steps.find((each) => each.id === id)?.outputs ?? [];
            const next = graph.steps.find((each) => each.id === cycle[(at + 1) % cycle.length]);
            expect(made.some((output) => next?.inputs.includes(output))).toBe(true);
          });
        }
      }),
    );
  });
});
