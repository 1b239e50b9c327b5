import type { ArtifactNode, Graph, StepNode } from "./graph.ts";
import { type Edge, type Layout, layoutOf } from "./layout.ts";

/** A node as it is drawn: one step or artifact, or several that are equal but for their numbers. */
export type FoldedNode =
  | { readonly type: "steps"; readonly label: string; readonly members: readonly StepNode[] }
  | { readonly type: "artifacts"; readonly label: string; readonly members: readonly ArtifactNode[] };

/** A graph as it is drawn. */
export interface Folded {
  /** Each step and artifact of the graph is in one of them. */
  readonly nodes: readonly FoldedNode[];
  /** Each once. */
  readonly edges: readonly Edge[];
  readonly layout: Layout;
}

/** Fewer equal nodes are drawn one by one. */
const fewest = 4;
const mostRounds = 8;

/**
 * Folds branches of a graph that are equal but for the numbers in their names, and says where what is left stands.
 *
 * @param graph - see there
 */
export function foldGraph(graph: Graph): Folded {
  const nodes = [...graph.steps, ...graph.artifacts];
  const edges = edgesOf(graph);
  const colours = coloursOf(graph, edges, layoutOf(nodes.length, edges));
  const groups = Map.groupBy(nodes.keys(), (node) => colours[node]);
  const written = Map.groupBy(graph.artifacts, ({ reference }) => reference);
  // Two caches may have artifacts of one name.
  const nameOf = (node: Node) => {
    if ("kind" in node) return node.id;
    return written.get(node.reference)?.length === 1 ? node.reference : node.id;
  };
  const folded: FoldedNode[] = [];
  const groupOf = new Array<number>(nodes.length);
  const add = (members: readonly number[], label: string) => {
    for (const member of members) groupOf[member] = folded.length;
    folded.push(
      (members[0] as number) < graph.steps.length
        ? { type: "steps", label, members: members.map((at) => nodes[at] as StepNode) }
        : { type: "artifacts", label, members: members.map((at) => nodes[at] as ArtifactNode) },
    );
  };
  for (const members of groups.values()) {
    if (members.length < fewest) for (const node of members) add([node], nameOf(nodes[node] as Node));
    else add(members, stemOf(nodes[members[0] as number] as Node));
  }
  const seen = new Set<number>();
  const between = edges.flatMap(([from, to]): Edge[] => {
    const edge: Edge = [groupOf[from] as number, groupOf[to] as number];
    const key = edge[0] * folded.length + edge[1];
    if (seen.has(key)) return [];
    seen.add(key);
    return [edge];
  });
  return { nodes: folded, edges: between, layout: layoutOf(folded.length, between) };
}

type Node = StepNode | ArtifactNode;

function stemOf(node: Node): string {
  return "kind" in node ? `${node.kind.toLowerCase()}/${node.stem}` : numbersOut(node.reference);
}

/**
 * What names have in common that differ in their numbers.
 *
 * @param text - for example `part-17:v2`
 * @returns for example `part-*:v*`
 */
export function numbersOut(text: string): string {
  return text.replaceAll(/(?<=sha256:)[0-9a-f]+|[0-9]+/g, "*");
}

/** From steps to what they make, and from artifacts to who reads them. */
function edgesOf({ steps, artifacts }: Graph): Edge[] {
  const at = new Map(artifacts.map(({ id }, i) => [id, steps.length + i]));
  return steps.flatMap(({ inputs, outputs }, step): Edge[] => [
    ...inputs.map((id): Edge => [at.get(id) as number, step]),
    ...outputs.map((id): Edge => [step, at.get(id) as number]),
  ]);
}

/**
 * A number for each node, the same for equal ones: of one kind and one stem, made from what is equal and read by what is
 * equal, however much of it. What is on a cycle equals nothing. As equal nodes are equally far from a start, no edge of
 * the folded graph leads back.
 */
function coloursOf(graph: Graph, edges: readonly Edge[], { rank, back }: Layout): number[] {
  const { steps, artifacts } = graph;
  const alone = new Set([...back].flat());
  const inCycle = new Set(graph.cycles.flat());
  for (const [at, { id }] of steps.entries()) if (inCycle.has(id)) alone.add(at);
  const before = [...steps, ...artifacts].map((): number[] => []);
  const after = before.map((): number[] => []);
  for (const edge of edges) {
    if (back.has(edge)) continue;
    after[edge[0]]?.push(edge[1]);
    before[edge[1]]?.push(edge[0]);
  }
  const order = [...before.keys()].sort((a, b) => (rank[a] ?? 0) - (rank[b] ?? 0));
  const ofStep = ({ kind, stem }: StepNode) => `${kind} ${stem}`;
  const bases = [...steps.map(ofStep), ...artifacts.map(({ id }) => `artifact ${numbersOut(id)}`)];
  let { colours, size } = numbered(bases.map((base, at) => (alone.has(at) ? `${base} ${at}` : base)));
  for (let round = 0; round < mostRounds; round++) {
    const last = size;
    colours = refined(colours, order, before);
    ({ colours, size } = numbered(refined(colours, order.toReversed(), after)));
    if (size === last) break;
  }
  return colours;
}

/** Each colour with those of the nodes before it, which are done first. */
function refined(
  colours: readonly number[],
  order: readonly number[],
  before: readonly (readonly number[])[],
): number[] {
  const numbers = new Map<string, number>();
  const found = new Array<number>(colours.length);
  for (const node of order) {
    const near = [...new Set(before[node]?.map((each) => found[each] as number))].sort((a, b) => a - b);
    const key = `${colours[node]} ${near.join()}`;
    if (!numbers.has(key)) numbers.set(key, numbers.size);
    found[node] = numbers.get(key) as number;
  }
  return found;
}

function numbered(values: readonly (string | number)[]): { colours: number[]; size: number } {
  const numbers = new Map<string | number, number>();
  for (const value of values) if (!numbers.has(value)) numbers.set(value, numbers.size);
  return { colours: values.map((value) => numbers.get(value) as number), size: numbers.size };
}
