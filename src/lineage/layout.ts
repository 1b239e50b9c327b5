/** An edge between two nodes, which are numbers from 0. */
export type Edge = readonly [from: number, to: number];

/** Where nodes stand. No two have the same rank and place. */
export interface Layout {
  /** Of each node: one more than the largest of those before it. */
  readonly rank: readonly number[];
  /** Of each node within its rank, from 0. */
  readonly place: readonly number[];
  /** Edges that close a cycle: they lead to the same rank or back. */
  readonly back: ReadonlySet<Edge>;
}

const sweeps = 8;

/**
 * Puts nodes into ranks by what they are made from, and orders each rank so that few edges cross: nodes go to the mean
 * place of their neighbours (barycentre), down and up in turn.
 *
 * @param count - of the nodes
 * @param edges - between them; cycles are allowed
 * @see Sugiyama, Tagawa, Toda: Methods for Visual Understanding of Hierarchical System Structures (1981)
 */
export function layoutOf(count: number, edges: readonly Edge[]): Layout {
  const back = backEdges(count, edges);
  const forward = edges.filter((edge) => !back.has(edge));
  const before = neighbours(count, forward, true);
  const after = neighbours(count, forward, false);
  const rank = ranksOf(before, after);
  const rows: number[][] = [];
  rank.forEach((of, node) => {
    rows[of] ??= [];
    rows[of].push(node);
  });
  const place = new Array<number>(count).fill(0);
  const put = (row: readonly number[]) => {
    for (const [at, node] of row.entries()) place[node] = at;
  };
  rows.forEach(put);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const down = sweep % 2 === 0;
    const of = down ? before : after;
    for (const row of down ? rows : rows.toReversed()) {
      const mean = new Map(row.map((node) => [node, meanOf(of[node] ?? [], place) ?? place[node] ?? 0]));
      put(row.sort((a, b) => (mean.get(a) ?? 0) - (mean.get(b) ?? 0)));
    }
  }
  return { rank, place, back };
}

function meanOf(nodes: readonly number[], place: readonly number[]): number | undefined {
  if (nodes.length === 0) return undefined;
  return nodes.reduce((sum, node) => sum + (place[node] ?? 0), 0) / nodes.length;
}

function neighbours(count: number, edges: readonly Edge[], before: boolean): number[][] {
  const found = Array.from({ length: count }, (): number[] => []);
  for (const [from, to] of edges) found[before ? to : from]?.push(before ? from : to);
  return found;
}

/** The longest way from a start. A node that nothing leads to stands next to its first reader. */
function ranksOf(before: readonly (readonly number[])[], after: readonly (readonly number[])[]): number[] {
  const rank = new Array<number>(before.length).fill(0);
  const missing = before.map(({ length }) => length);
  const ready = [...before.keys()].filter((node) => missing[node] === 0);
  // A list is walked to its end, also to what is added meanwhile.
  for (const node of ready) {
    for (const to of after[node] ?? []) {
      rank[to] = Math.max(rank[to] ?? 0, (rank[node] ?? 0) + 1);
      missing[to] = (missing[to] ?? 0) - 1;
      if (missing[to] === 0) ready.push(to);
    }
  }
  before.forEach(({ length }, node) => {
    const to = after[node] ?? [];
    if (length > 0 || to.length === 0) return;
    rank[node] = to.reduce((least, each) => Math.min(least, rank[each] ?? 0), Number.POSITIVE_INFINITY) - 1;
  });
  return rank;
}

/** Edges to a node that the way there leads through. The way is a list, not calls: it may be as long as the graph. */
function backEdges(count: number, edges: readonly Edge[]): Set<Edge> {
  const leaving = Array.from({ length: count }, (): Edge[] => []);
  for (const edge of edges) leaving[edge[0]]?.push(edge);
  const state = new Array<"open" | "done" | undefined>(count).fill(undefined);
  const found = new Set<Edge>();
  for (let start = 0; start < count; start++) {
    if (state[start] !== undefined) continue;
    const way = [{ node: start, next: 0 }];
    state[start] = "open";
    for (let at = way.at(-1); at !== undefined; at = way.at(-1)) {
      const edge = leaving[at.node]?.[at.next++];
      if (edge === undefined) {
        state[at.node] = "done";
        way.pop();
      } else if (state[edge[1]] === "open") found.add(edge);
      else if (state[edge[1]] === undefined) {
        state[edge[1]] = "open";
        way.push({ node: edge[1], next: 0 });
      }
    }
  }
  return found;
}
