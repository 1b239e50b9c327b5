import { visible } from "../../annotations/problems.ts";
import type { Folded } from "../../lineage/fold.ts";
import { leftEdges, leftLines } from "./left.ts";
import { stateOf, titleOf } from "./words.ts";

/**
 * A graph in the language of Graphviz. A dashed arrow leads to what a step makes only if it fails.
 *
 * @param folded - as it is drawn
 * @param namespace - its name
 * @see https://graphviz.org/doc/info/lang.html
 */
export function formatDot({ nodes, edges }: Folded, namespace: string): string {
  const lines = nodes.map((node, at) => {
    const told =
      node.type === "steps"
        ? [titleOf(node), stateOf(node.members), ...leftLines(node.members)]
        : [titleOf(node)];
    const shape = node.type === "steps" ? "box" : "note";
    return `n${at} [shape=${shape}, label="${told.map(escaped).join("\\n")}"];`;
  });
  const arrows = edges.map(([from, to]) => `n${from} -> n${to};`);
  const left = leftEdges(nodes).map(([from, to]) => `n${from} -> n${to} [style=dashed];`);
  const all = ["rankdir=LR;", ...lines, ...arrows, ...left].map((line) => `  ${line}\n`);
  return `digraph "${escaped(namespace)}" {\n${all.join("")}}\n`;
}

/** In a label a backslash begins what Graphviz puts in its place, and an ampersand the name of a character. */
function escaped(text: string): string {
  return visible(text).replaceAll("&", "&amp;").replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}
