import type { Folded } from "../../lineage/fold.ts";
import type { Edge } from "../../lineage/layout.ts";
import { sizes, type Way } from "../../page/protocol.ts";

/** Left upper corner of a node, in CSS pixels at zoom 1. */
export interface Position {
  readonly x: number;
  readonly y: number;
}

const sweeps = 8;
/** How far apart columns and rows are where the data goes to the right; where it goes down, columns lie and rows stand. */
const gaps = {
  right: { columns: 30, rows: 16, within: 24 },
  down: { columns: 34, rows: 20, within: 16 },
} as const;
/** Ranks of more nodes stand in several columns, so that the whole can be seen on a screen. Nodes are wider than high. */
const fewest = { right: 40, down: 10 } as const;
const spreading = { right: 1.6, down: 0.5 } as const;

/**
 * Where nodes are drawn: each rank is a column, or several, in the way that the data goes; within it the order of the layout is kept,
 * and each node stands as near to the middle of its neighbours as the others let it.
 *
 * @param folded - the graph, with ranks and places
 * @param way - in which the data goes
 */
export function positionsOf(folded: Folded, way: Way): Position[] {
  const { nodes, layout } = folded;
  const gap = gaps[way];
  const sizeOf = (node: number) => turned(sizes[way][nodes[node]?.type ?? "steps"], way);
  const columns = columnsOf(layout, way);
  const middle = middlesOf(folded, columns, way);
  const topOf = (node: number) => (middle[node] ?? 0) - sizeOf(node).height / 2;
  const top = nodes.reduce((least, _, node) => Math.min(least, topOf(node)), Number.POSITIVE_INFINITY);
  const positions = new Array<Position>(nodes.length);
  let left = 0;
  for (const { nodes: column, isLast } of columns) {
    const width = Math.max(...column.map((node) => sizeOf(node).width));
    for (const node of column) {
      const x = left + (width - sizeOf(node).width) / 2;
      const [along, across] = [Math.round(x), Math.round(topOf(node) - top)];
      positions[node] = way === "right" ? { x: along, y: across } : { x: across, y: along };
    }
    left += width + (isLast ? gap.columns : gap.within);
  }
  return positions;
}

/** Everything is placed as if the data went to the right. */
function turned({ width, height }: Size, way: Way): Size {
  return way === "right" ? { width, height } : { width: height, height: width };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Another node, and how much an edge to it counts: one of many that meet in a node counts little. */
type Pull = readonly [node: number, weight: number];

/** Columns take turns: each moves towards the one before it, then towards the one behind it, and in the end towards both. */
function middlesOf({ nodes, edges, layout }: Folded, columns: readonly Column[], way: Way): number[] {
  const heights = nodes.map(({ type }) => turned(sizes[way][type], way).height);
  const forward = edges.filter((edge) => !layout.back.has(edge));
  const { before, after } = pullsOf(nodes.length, forward);
  const both = before.map((pulls, node) => [...pulls, ...(after[node] ?? [])]);
  const middle = new Array<number>(nodes.length).fill(0);
  const put = (column: readonly number[], wanted: (node: number) => number) => {
    const found = spread(
      column.map(wanted),
      column.map((node) => heights[node] ?? 0),
      gaps[way].rows,
    );
    for (const [at, node] of column.entries()) middle[node] = found[at] ?? 0;
  };
  const mean = (pulls: readonly Pull[], own: number) => {
    const weights = pulls.reduce((sum, [, weight]) => sum + weight, 0);
    const sum = pulls.reduce((all, [node, weight]) => all + (middle[node] ?? 0) * weight, 0);
    return weights === 0 ? own : sum / weights;
  };
  for (const column of columns) put(column.nodes, () => 0);
  const whole = columns.filter(({ isWhole }) => isWhole);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const pulls = sweep >= sweeps / 2 ? both : sweep % 2 === 0 ? before : after;
    for (const column of sweep % 2 === 0 ? whole : whole.toReversed())
      put(column.nodes, (node) => mean(pulls[node] ?? [], middle[node] ?? 0));
  }
  return middle;
}

function pullsOf(count: number, edges: readonly Edge[]): { before: Pull[][]; after: Pull[][] } {
  const [before, after] = [0, 1].map(() => Array.from({ length: count }, (): Pull[] => [])) as [
    Pull[][],
    Pull[][],
  ];
  const ends = [0, 1].map(() => new Array<number>(count).fill(0)) as [number[], number[]];
  for (const [from, to] of edges) {
    ends[0][from] = (ends[0][from] ?? 0) + 1;
    ends[1][to] = (ends[1][to] ?? 0) + 1;
  }
  for (const [from, to] of edges) {
    const weight = 1 / Math.max(ends[0][from] ?? 1, ends[1][to] ?? 1);
    after[from]?.push([to, weight]);
    before[to]?.push([from, weight]);
  }
  return { before, after };
}

interface Column {
  readonly nodes: readonly number[];
  /** It has all of its rank. */
  readonly isWhole: boolean;
  /** The next column is of another rank. */
  readonly isLast: boolean;
}

function columnsOf({ rank, place }: Folded["layout"], way: Way): Column[] {
  const rows = Math.max(fewest[way], Math.ceil(Math.sqrt(rank.length) * spreading[way]));
  const ranks = Map.groupBy(rank.keys(), (node) => rank[node] ?? 0);
  return [...ranks]
    .sort(([a], [b]) => a - b)
    .flatMap(([, members]) => {
      const inOrder = members.sort((a, b) => (place[a] ?? 0) - (place[b] ?? 0));
      const parts = Math.ceil(inOrder.length / rows);
      const size = Math.ceil(inOrder.length / parts);
      return Array.from({ length: parts }, (_, part) => ({
        nodes: inOrder.slice(part * size, (part + 1) * size),
        isWhole: parts === 1,
        isLast: part === parts - 1,
      }));
    });
}

/**
 * Middles of things that stand below each other, as near to where they want to be as their order and heights allow (the sum
 * of the squares of what they are away is the least).
 *
 * @see Barlow, Bartholomew, Bremner, Brunk: Statistical Inference under Order Restrictions (1972), pooling of adjacent violators
 */
export function spread(wanted: readonly number[], heights: readonly number[], gap: number): number[] {
  const offsets: number[] = [];
  let offset = 0;
  for (const [at, height] of heights.entries()) {
    offset += at === 0 ? 0 : ((heights[at - 1] ?? 0) + height) / 2 + gap;
    offsets.push(offset);
  }
  const blocks: { sum: number; count: number }[] = [];
  for (const [at, each] of wanted.entries()) {
    let block = { sum: each - (offsets[at] ?? 0), count: 1 };
    for (
      let last = blocks.at(-1);
      last && last.sum / last.count >= block.sum / block.count;
      last = blocks.at(-1)
    ) {
      block = { sum: block.sum + last.sum, count: block.count + last.count };
      blocks.pop();
    }
    blocks.push(block);
  }
  return blocks
    .flatMap(({ sum, count }) => new Array<number>(count).fill(sum / count))
    .map((fit, at) => fit + (offsets[at] ?? 0));
}
