import { visible } from "../../annotations/problems.ts";
import type { Folded } from "../../lineage/fold.ts";
import { leftEdges, leftLines } from "./left.ts";
import { stateOf, titleOf } from "./words.ts";

/**
 * A graph in the language of Mermaid, which pages of GitHub and GitLab draw. A dashed arrow leads to what a step makes only if it
 * fails.
 *
 * @param folded - as it is drawn
 * @see https://mermaid.js.org/syntax/flowchart.html
 */
export function formatMermaid({ nodes, edges }: Folded): string {
  const lines = nodes.map((node, at) => {
    if (node.type === "artifacts") return `n${at}(["${escaped(titleOf(node))}"])`;
    const told = [titleOf(node), stateOf(node.members), ...leftLines(node.members)];
    return `n${at}["${told.map(escaped).join("<br>")}"]`;
  });
  const arrows = edges.map(([from, to]) => `n${from} --> n${to}`);
  const left = leftEdges(nodes).map(([from, to]) => `n${from} -.-> n${to}`);
  return `flowchart LR\n${[...lines, ...arrows, ...left].map((line) => `  ${line}\n`).join("")}`;
}

/** Every character that could mean something is written as its number. */
function escaped(text: string): string {
  return visible(text).replaceAll(/[^a-zA-Z0-9 ,./:@_-]/gu, (character) => `#${character.codePointAt(0)};`);
}
