/**
 * How long it takes to draw the graph of 300, 1,000 and 3,000 Jobs: from the objects to the text. Each Job but the first reads
 * two artifacts of earlier ones, which are the same in every run; nothing of it can be folded, which is the hard case.
 *
 * Real: everything but the API server.
 */
import { stepsOf } from "../../src/cli/graph/steps.ts";
import { formatText } from "../../src/cli/graph/text.ts";
import { foldGraph } from "../../src/lineage/fold.ts";
import { graphOf } from "../../src/lineage/graph.ts";
import { layoutOf } from "../../src/lineage/layout.ts";
import { jobOf } from "../support/builders.ts";
import { median, table } from "./table.ts";

const rounds = 5;

const rows = [300, 1000, 3000].map((count) => {
  const drawn = randomNumbers();
  const earlier = (at: number) => `work/x:${Math.floor(drawn() * at)}`;
  const jobs = Array.from({ length: count }, (_, at) =>
    jobOf(`step-${at}`, {
      ...(at === 0 ? {} : { "input-uri": earlier(at), "input-uri_1": earlier(at) }),
      "output-uri": `work/x:${at}`,
    }),
  );
  const took = Array.from({ length: rounds }, () => {
    const begun = performance.now();
    const graph = graphOf(stepsOf({ namespace: "runs", jobs, pods: [], caches: [] }));
    const read = performance.now();
    const folded = foldGraph(graph);
    const placed = performance.now();
    formatText(graph, folded, "runs");
    const printed = performance.now();
    layoutOf(folded.nodes.length, folded.edges);
    return [read - begun, placed - read, printed - placed, performance.now() - printed];
  });
  const column = (at: number) => `${median(took.map((each) => each[at] ?? Number.NaN)).toFixed(0)} ms`;
  return [`${count}`, ...[0, 1, 2, 3].map(column)];
});
console.log(table(["Jobs", "graph", "folded", "printed", "layout alone"], rows));

/** The same numbers in every run (Park and Miller's generator). */
function randomNumbers(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
