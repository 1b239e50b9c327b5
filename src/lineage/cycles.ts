/**
 * Steps that wait for each other's outputs. One that reads what it makes itself is none: it reads what was there before.
 *
 * @param steps - of a graph
 * @param artifacts - of the same graph
 * @returns ids of steps in the order of the data; a step is in one cycle at most, and in each knot one cycle is found
 */
export function cyclesIn(
  steps: readonly { readonly id: string; readonly outputs: readonly string[] }[],
  artifacts: readonly { readonly id: string; readonly usedBy: readonly string[] }[],
): string[][] {
  const readersOf = new Map(artifacts.map(({ id, usedBy }) => [id, usedBy]));
  const next = new Map(
    steps.map(({ id, outputs }) => [
      id,
      [...new Set(outputs.flatMap((output) => readersOf.get(output) ?? []))].filter((to) => to !== id),
    ]),
  );
  const left = withoutEnds(withoutEnds(new Set(next.keys()), next), turned(next));
  const seen = new Set<string>();
  return [...left].flatMap((first) => {
    const way: string[] = [];
    let at = first;
    while (!seen.has(at)) {
      seen.add(at);
      way.push(at);
      // Each that is left makes something for another one that is left.
      at = next.get(at)?.find((to) => left.has(to)) as string;
    }
    // It leads into one that was found, or closes here.
    const start = way.indexOf(at);
    return start < 0 ? [] : [way.slice(start)];
  });
}

type Edges = ReadonlyMap<string, readonly string[]>;

/** Those from which a way leads on without an end. */
function withoutEnds(nodes: ReadonlySet<string>, next: Edges): Set<string> {
  const left = new Set(nodes);
  const count = new Map([...left].map((id) => [id, next.get(id)?.filter((to) => left.has(to)).length ?? 0]));
  const before = turned(next);
  const ends = [...left].filter((id) => count.get(id) === 0);
  // A list is walked to its end, also to what is added meanwhile.
  for (const id of ends) {
    left.delete(id);
    for (const from of before.get(id) ?? []) {
      const rest = (count.get(from) ?? 0) - 1;
      count.set(from, rest);
      if (rest === 0) ends.push(from);
    }
  }
  return left;
}

function turned(edges: Edges): Edges {
  const found = new Map<string, string[]>([...edges.keys()].map((id) => [id, []]));
  for (const [from, all] of edges) for (const to of all) found.get(to)?.push(from);
  return found;
}
