import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { visible } from "../../../../src/annotations/problems.ts";
import { formatDot } from "../../../../src/cli/graph/dot.ts";
import { formatJson } from "../../../../src/cli/graph/json.ts";
import { formatMermaid } from "../../../../src/cli/graph/mermaid.ts";
import { formatText } from "../../../../src/cli/graph/text.ts";
import { titleOf } from "../../../../src/cli/graph/words.ts";
import { withHolders } from "../../../../src/lineage/blocked.ts";
import { foldGraph } from "../../../../src/lineage/fold.ts";
import { graphOf, type StepFacts } from "../../../../src/lineage/graph.ts";
import { parseDot } from "../../../support/dot.ts";
import { stepFacts as step } from "../../../support/lineage.ts";

const text = (steps: readonly StepFacts[]) => {
  const graph = withHolders(graphOf(steps));
  return formatText(graph, foldGraph(graph), "runs");
};

const many = Array.from({ length: 1000 }, (_, i) => i);

describe("text", () => {
  test("names what is used twice, and says who makes it", () => {
    const pushed = { digest: `sha256:${"0123456789".repeat(7).slice(0, 64)}`, at: "2026-01-01T00:00:00Z" };
    const split = { ...step("split", ["data/raw:v1"], [], "succeeded") };
    const outputs = [{ address: "parts/a:v1", reference: "parts/a:v1", pushed }];
    const failed = { reason: "OutputMissing", message: "The output is not there. (exit code 185)" };
    expect(
      text([
        { ...split, outputs },
        { ...step("count", ["parts/a:v1"], ["counts/a:v1"], "failed"), ...failed },
        step("total", ["counts/a:v1", "parts/a:v1"], [], "suspended"),
      ]),
    ).toBe(`3 steps in the namespace runs: 1 failed, 1 succeeded, 1 suspended

job/split  succeeded
  reads  data/raw:v1  nobody here makes it
  makes  parts/a:v1   sha256:012345678901

job/count  failed
  OutputMissing: The output is not there. (exit code 185)
  reads  parts/a:v1   from job/split
  makes  counts/a:v1

job/total  suspended
  cannot start: job/count failed
  reads  parts/a:v1   from job/split
  reads  counts/a:v1  from job/count
`);
  });

  test("says what a failed step has left, and of whom a reader has it", () => {
    const left = { address: "failed/x:1", reference: "failed/x:1" };
    const pushed = { digest: `sha256:${"a".repeat(64)}`, at: "2026-01-01T00:00:00Z" };
    const flaky = step("flaky", [], ["made/x:1"], "failed");
    const reader = step("debug", ["failed/x:1"], []);
    expect(text([{ ...flaky, leaves: [{ ...left, pushed }] }, reader])).toContain(`
job/flaky  failed
  makes  made/x:1
  left   failed/x:1  sha256:aaaaaaaaaaaa
`);
    const before = text([{ ...flaky, state: "running", leaves: [left] }, reader]);
    expect(before).toContain("  reads  failed/x:1  from job/flaky, only if it fails\n");
    expect(before).not.toContain("left");
  });

  test("says what failed steps have left, as Graphviz and Mermaid do, with a dashed arrow to who reads it", () => {
    const pushed = { digest: `sha256:${"a".repeat(64)}`, at: "2026-01-01T00:00:00Z" };
    const leaves = (name: string) => [{ address: `host/${name}`, reference: name, pushed }];
    const many = Array.from({ length: 5 }, (_, at) => ({
      ...step(`part-${at}`, [], [`part:${at}`], "failed"),
      leaves: leaves(`left-"part":${at}`),
    }));
    const folded = foldGraph(
      graphOf([
        { ...step("flaky", [], ["made/x:1"], "failed"), leaves: leaves("failed/x:1") },
        { ...step("calm", [], ["made/y:1"]), leaves: [{ address: "host/later:1", reference: "later:1" }] },
        step("debug", ["host/failed/x:1", "host/later:1"], []),
        ...many,
      ]),
    );
    const { labels, dashed } = parseDot(formatDot(folded, "runs"));
    const short = "sha256:aaaaaaaaaaaa";
    expect(labels).toContainEqual(["job/flaky", "failed", `left failed/x:1 ${short}`]);
    expect(labels).toContainEqual(["job/calm", "waiting"]);
    expect(labels).toContainEqual([
      ...["job/part-* x 5", "5 failed"],
      ...[0, 1, 2].map((at) => `left left-"part":${at} ${short}`),
      "and 2 more",
    ]);
    const at = (title: string) => labels.findIndex(([first]) => first === title);
    const arrows = [
      [at("job/flaky"), at("host/failed/x:1")],
      [at("job/calm"), at("host/later:1")],
    ];
    expect(dashed.toSorted()).toEqual(arrows.toSorted());
    const drawn = formatMermaid(folded);
    expect(drawn).toContain(`["job/flaky<br>failed<br>left failed/x:1 ${short}"]`);
    for (const [from, to] of arrows) expect(drawn).toContain(`\n  n${from} -.-> n${to}\n`);
  });

  test("names what is numbered in its order", () => {
    const outputs = ["s:all", "s:10", "s:2", "s:0"];
    const lines = text([step("make", [], outputs), step("use", outputs, [])]).split("\n");
    const order = ["s:0", "s:2", "s:10", "s:all"];
    expect(lines.filter((line) => line.includes("makes")).map((line) => line.split(/ +/)[2])).toEqual(order);
    expect(lines.filter((line) => line.includes("reads")).map((line) => line.split(/ +/)[2])).toEqual(order);
  });

  test("says of steps that wait what holds them in the end, each once", () => {
    const waits = { reason: "WaitingForInputs", message: "Waits for merged:1 (made by Job merge)." };
    const readers = Array.from({ length: 5 }, (_, at) => step(`use-${at}`, ["plot:1"], [`used:${at}`]));
    const told = text([
      step("south", [], ["south:1"], "failed"),
      step("merge", ["south:1"], ["merged:1"]),
      { ...step("plot", ["merged:1"], ["plot:1"]), ...waits },
      ...readers,
    ]);
    expect(told).toContain(
      `job/plot  waiting\n  WaitingForInputs: ${waits.message}\n  cannot start: job/south failed\n`,
    );
    expect(told).toContain(
      "job/use-* x 5  5 waiting\n  cannot start: job/south failed: use-0, use-1, use-2, use-3, use-4\n",
    );
  });

  test("says which steps did not run, as a page and Graphviz do", () => {
    const done = (name: string, notRun: StepFacts["notRun"], more: object = {}): StepFacts => ({
      ...{ ...step(name, [], [`of/${name}:v1`], "succeeded"), ...more },
      notRun,
    });
    const completions = { wanted: 6, succeeded: 6, failed: 0 };
    const graph = graphOf([
      done("count", { by: "Job count-before", at: "2026-01-01T00:00:00Z" }),
      done("all", { by: "Pod x" }, { completions }),
      done("some", { indexes: { text: "0,2-4", count: 4 } }, { completions }),
      done("unknown", {}),
      done("ran", undefined),
    ]);
    const folded = foldGraph(graph);
    const told = formatText(graph, folded, "runs");
    expect(told).toMatch(/^5 steps in the namespace runs: 5 succeeded \(3 not run\)\n/);
    for (const line of [
      "job/count  succeeded, not run (result of job/count-before)\n",
      "job/all  succeeded, not run (result of pod/x)\n",
      "job/some  succeeded, 6 of 6 succeeded, 4 not run\n",
      "job/unknown  succeeded, not run (its result was there)\n",
      "job/ran  succeeded\n",
    ])
      expect(told).toContain(line);
    expect(formatDot(folded, "runs")).toContain("not run (result of job/count-before)");
    expect(formatMermaid(folded)).toContain("not run #40;result of job/count-before#41;");
  });

  test("folds equal branches and names those that failed", () => {
    const branches = many.map((i) => {
      const failed = i % 400 === 7;
      const made = step(`analyze-${i}`, ["raw:1"], [`seen:${i}`], failed ? "failed" : "succeeded");
      return failed ? { ...made, reason: "OOMKilled", message: "The container main ended." } : made;
    });
    const shown = text([
      ...branches,
      step(
        "merge",
        many.map((i) => `seen:${i}`),
        [],
      ),
    ]);
    expect(shown).toContain(`job/analyze-* x 1,000  3 failed, 997 succeeded
  failed, OOMKilled: analyze-407, analyze-7, analyze-807
  reads  raw:1           nobody here makes it
  makes  seen:* x 1,000
`);
    expect(shown.split("\n").every(({ length }) => length <= 80)).toBe(true);
  });

  test("shows an Indexed Job with a thousand parts as one", () => {
    const indexed = {
      ...step(
        "parts",
        [],
        many.map((i) => `part:${i}`),
        "running",
      ),
    };
    const completions = { wanted: 1000, succeeded: 412, failed: 3, failedIndexes: "7,13-14" };
    expect(text([{ ...indexed, completions }])).toContain(`
job/parts  running, 412 of 1,000 succeeded, 3 Pods failed
  failed indexes: 7,13-14
  makes  part:* x 1,000
`);
  });

  test("shows cycles, and says that there is nothing", () => {
    const ring = [step("a", ["y:1"], ["x:1"]), step("b", ["x:1"], ["y:1"])];
    expect(text(ring)).toMatch(
      /\nA cycle: job\/a -> job\/b -> job\/a\. Each makes what the next one reads\.\n$/,
    );
    expect(text([])).toMatch(/^No Job or Pod .* names an input or output\.\n$/);
  });
});

describe("whatever names are in a cluster", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary", minLength: 1 }),
    fc.constantFrom(
      '"',
      "\\",
      '\\"',
      "\\N",
      "&quot;",
      "#quot;",
      "x]; end",
      "`a`",
      "<b>",
      "\n",
      "\r\n",
      "\u202e",
      "%%{init}%%",
      "1. x",
    ),
  );
  const graphs = fc
    .uniqueArray(
      fc.record({
        ...{ name: hostile, inputs: fc.array(hostile), outputs: fc.array(hostile) },
        left: fc.uniqueArray(hostile),
      }),
      { selector: ({ name }) => name },
    )
    .map((steps) =>
      graphOf(
        steps.map(({ name, inputs, outputs, left }) => ({
          ...step(name, inputs, outputs),
          leaves: left.map((of) => ({ address: of, reference: of, pushed: { digest: of, at: "1" } })),
        })),
      ),
    );

  test("dot parses back", () => {
    fc.assert(
      fc.property(graphs, hostile, (graph, namespace) => {
        const folded = foldGraph(graph);
        const { name, labels, edges } = parseDot(formatDot(folded, namespace));
        expect(name).toBe(visible(namespace));
        expect(labels.map(([title]) => title)).toEqual(folded.nodes.map((node) => visible(titleOf(node))));
        expect(edges).toEqual(folded.edges);
      }),
    );
  });

  test("mermaid parses back", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const folded = foldGraph(graph);
        const [head, ...lines] = formatMermaid(folded).trimEnd().split("\n");
        expect(head).toBe("flowchart LR");
        const node = /^ {2}n(\d+)(?:\["([^"<>&`]*)<br>[^"<>&`]+(?:<br>[^"<>&`]+)*"\]|\(\["([^"<>&`]*)"\]\))$/;
        const titles = lines.slice(0, folded.nodes.length).map((line) => {
          const [, , ofStep, ofArtifact] = node.exec(line) ?? [];
          return (ofStep ?? ofArtifact)?.replaceAll(/#(\d+);/g, (_, code) =>
            String.fromCodePoint(Number(code)),
          );
        });
        expect(titles).toEqual(folded.nodes.map((each) => visible(titleOf(each))));
        const isSolid = (line: string) => !/^ {2}n\d+ -\.-> n\d+$/.test(line);
        const arrows = lines
          .slice(folded.nodes.length)
          .filter(isSolid)
          .map((line) => /^ {2}n(\d+) --> n(\d+)$/.exec(line));
        expect(arrows.map((found) => [Number(found?.[1]), Number(found?.[2])])).toEqual(folded.edges);
      }),
    );
  });

  test("json parses back, and has every step", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const { namespace, ...parsed } = JSON.parse(formatJson(graph, "runs"));
        const { left, ...others } = graph;
        const steps = graph.steps.map(({ stem, ...shown }) => shown);
        expect(parsed).toEqual(JSON.parse(JSON.stringify({ ...others, steps })));
      }),
    );
  });

  test("text has no character that a terminal obeys", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        for (const line of formatText(graph, foldGraph(graph), "runs").split("\n"))
          expect(line).toBe(visible(line));
      }),
    );
  });
});
