import type { FoldedNode } from "../../lineage/fold.ts";
import { leftOf, type StepNode } from "../../lineage/graph.ts";
import type { Edge } from "../../lineage/layout.ts";
import { counted, shortDigest } from "./words.ts";

/** A label has no room for more. */
const mostNames = 3;

/**
 * What steps have left when they failed, for the label of their node.
 *
 * @param steps - of one node
 * @returns a line each, such as `left failed/x:1 sha256:1b4f0e985197`; of many the first
 */
export function leftLines(steps: readonly StepNode[]): string[] {
  const left = steps.flatMap(leftOf);
  const told = left
    .slice(0, mostNames)
    .map(({ reference, digest }) => `left ${reference} ${shortDigest(digest)}`);
  return left.length > mostNames ? [...told, `and ${counted(left.length - mostNames)} more`] : told;
}

/**
 * From steps to what they make only if they fail, where somebody reads it.
 *
 * @param nodes - of the drawn graph
 * @returns places in the list of nodes, each pair once
 */
export function leftEdges(nodes: readonly FoldedNode[]): Edge[] {
  const places = new Map(
    nodes.flatMap((node, at) =>
      node.type === "steps" ? node.members.map(({ id }) => [id, at] as const) : [],
    ),
  );
  return nodes.flatMap((node, to) => {
    if (node.type === "steps") return [];
    const from = new Set(
      node.members.flatMap(({ leftBy = [] }) => leftBy.flatMap((id) => places.get(id) ?? [])),
    );
    return [...from].map((step): Edge => [step, to]);
  });
}
