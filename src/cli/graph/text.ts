import { Help } from "commander";
import { visible } from "../../annotations/problems.ts";
import { holderWords } from "../../lineage/blocked.ts";
import type { Folded, FoldedNode } from "../../lineage/fold.ts";
import { type Graph, type Holder, leftOf, type StepNode } from "../../lineage/graph.ts";
import { counted, shortDigest, stateOf, statesOf, titleOf } from "./words.ts";

const width = 80;
/** Longer names push what stands behind them to the right. */
const widestName = 46;
const mostLines = 10;
const mostNames = 5;
/** `s:2` stands before `s:10`, and `s:all` after both. */
const inNumbers = new Intl.Collator("en", { numeric: true });

/**
 * A graph for a terminal: steps in the order of the data, and below each what it reads and makes. An artifact that is
 * read twice is named twice, so this is no tree.
 *
 * @param graph - who makes what from what
 * @param folded - the same as it is drawn
 * @param namespace - of all steps
 */
export function formatText(graph: Graph, { nodes, edges, layout }: Folded, namespace: string): string {
  if (graph.steps.length === 0)
    return `No Job or Pod that was looked at in the namespace ${namespace} names an input or output.\n`;
  const before = Map.groupBy(edges, ([, to]) => to);
  const after = Map.groupBy(edges, ([from]) => from);
  const { rank, place } = layout;
  const inOrder = (a: number, b: number) =>
    (rank[a] ?? 0) - (rank[b] ?? 0) || (place[a] ?? 0) - (place[b] ?? 0);
  const nodeAt = (at: number) => nodes[at] as FoldedNode;
  // Several that are folded stand behind those that are not.
  const isFolded = (at: number) => Number(nodeAt(at).members.length > 1);
  const byName = (a: number, b: number) =>
    (rank[a] ?? 0) - (rank[b] ?? 0) ||
    isFolded(a) - isFolded(b) ||
    inNumbers.compare(titleOf(nodeAt(a)), titleOf(nodeAt(b)));
  const makersOf = (at: number) => (before.get(at) ?? []).map(([from]) => from).sort(byName);
  const usersOf = (at: number) => (after.get(at) ?? []).map(([, to]) => to).sort(byName);
  const names = nodes.flatMap((node) => (node.type === "artifacts" ? visible(titleOf(node)).length : []));
  const column = Math.min(widestName, Math.max(0, ...names));
  const line = (word: string, at: number, told: string) =>
    `  ${word}  ${visible(titleOf(nodeAt(at))).padEnd(column)}  ${visible(told)}`.trimEnd();
  const blocks = [...nodes.keys()].sort(inOrder).flatMap((at) => {
    const node = nodeAt(at);
    if (node.type !== "steps") return [];
    const reads = makersOf(at).map((input) => {
      const makers = makersOf(input).map((maker) => nodeAt(maker).label);
      return line("reads", input, makers.length === 0 ? leftBy(nodeAt(input)) : `from ${some(makers)}`);
    });
    const makes = usersOf(at).map((output) => line("makes", output, digestOf(nodeAt(output))));
    const left = node.members
      .flatMap(leftOf)
      .map(
        ({ reference, digest }) =>
          `  left   ${visible(reference).padEnd(column)}  ${visible(shortDigest(digest))}`,
      );
    const lines = [
      ...indexesOf(node.members),
      ...troublesOf(node.members),
      ...holdersOf(node.members),
      ...few(reads),
      ...few(makes),
      ...few(left),
    ];
    return `${visible(`${titleOf(node)}  ${stateOf(node.members)}`)}\n${lines.map((each) => `${each}\n`).join("")}`;
  });
  const { length } = graph.steps;
  const head = `${counted(length)} ${length === 1 ? "step" : "steps"} in the namespace ${namespace}: ${statesOf(graph.steps)}\n`;
  return [head, ...blocks, ...graph.cycles.map(cycleOf)].join("\n");
}

function leftBy(node: FoldedNode): string {
  const steps = node.type === "artifacts" ? node.members.flatMap((artifact) => artifact.leftBy ?? []) : [];
  return steps.length === 0 ? "nobody here makes it" : `from ${some([...new Set(steps)])}, only if it fails`;
}

function digestOf(node: FoldedNode): string {
  const [only, ...others] = node.members;
  if (only === undefined || others.length > 0 || !("digest" in only)) return "";
  return shortDigest(only.digest);
}

/** Of a Job that is drawn alone. */
function indexesOf(steps: readonly StepNode[]): string[] {
  const { failedIndexes = "" } = steps[0]?.completions ?? {};
  if (failedIndexes === "" || steps.length > 1) return [];
  const isLong = failedIndexes.length > widestName;
  return [
    `  failed indexes: ${visible(failedIndexes.slice(0, widestName))}${isLong ? "… (-o json has all)" : ""}`,
  ];
}

/** Why steps failed or do not start, each reason once. */
function troublesOf(steps: readonly StepNode[]): string[] {
  const troubled = steps.filter(({ reason }) => reason !== undefined);
  const groups = Map.groupBy(troubled, ({ state, reason }) => `${state} ${reason}`);
  return [...groups.values()].flatMap((group) => {
    const [{ state, reason = "", message }] = group as [StepNode];
    const alone = message === undefined ? reason : `${reason}: ${message}`;
    const text = steps.length === 1 ? alone : `${state}, ${reason}: ${some(group.map(({ name }) => name))}`;
    return wrapped(text);
  });
}

/** What holds steps that wait, in the end: each once. */
function holdersOf(steps: readonly StepNode[]): string[] {
  const held = steps.filter(({ heldBy }) => heldBy !== undefined);
  const groups = Map.groupBy(held, ({ heldBy }) => holderWords(heldBy as Holder));
  return [...groups].flatMap(([words, group]) =>
    wrapped(steps.length === 1 ? words : `${words}: ${some(group.map(({ name }) => name))}`),
  );
}

function wrapped(text: string): string[] {
  return new Help()
    .boxWrap(visible(text), width - 2)
    .split("\n")
    .map((each) => `  ${each}`);
}

function cycleOf(cycle: readonly string[]): string {
  const told =
    cycle.length > mostLines
      ? [...cycle.slice(0, mostLines - 1), `${counted(cycle.length - mostLines + 1)} more`]
      : cycle;
  const text = `A cycle: ${told.map(visible).join(" -> ")} -> ${visible(cycle[0] ?? "")}. Each makes what the next one reads.`;
  return `${new Help().boxWrap(text, width)}\n`;
}

function some(names: readonly string[]): string {
  const told = names.slice(0, mostNames).join(", ");
  return names.length > mostNames ? `${told} and ${counted(names.length - mostNames)} more` : told;
}

function few(lines: readonly string[]): readonly string[] {
  if (lines.length <= mostLines) return lines;
  return [
    ...lines.slice(0, mostLines),
    `         and ${counted(lines.length - mostLines)} more (-o json has all)`,
  ];
}
