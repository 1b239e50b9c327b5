/**
 * Finds circles: of nodes that lead into each other one way around, in each knot of several. One that leads to itself is one.
 *
 * @param next - of each node those that it leads to, each of which is a node, too
 * @returns the nodes of each circle, in the order of the way; a node is in one at most
 */
export function circlesIn<T>(next: ReadonlyMap<T, readonly T[]>): T[][] {
  const left = withoutEnds(next);
  const seen = new Set<T>();
  return [...left].flatMap((first) => {
    const way: T[] = [];
    let at = first;
    while (!seen.has(at)) {
      seen.add(at);
      way.push(at);
      // Each that is left leads to another one that is left.
      at = next.get(at)?.find((to) => left.has(to)) as T;
    }
    // It leads into one that was found, or closes here.
    const start = way.indexOf(at);
    return start < 0 ? [] : [way.slice(start)];
  });
}

/** Those from which a way leads on without an end. */
function withoutEnds<T>(next: ReadonlyMap<T, readonly T[]>): Set<T> {
  const count = new Map([...next].map(([node, { length }]) => [node, length]));
  const before = new Map<T, T[]>([...next.keys()].map((node) => [node, []]));
  for (const [from, all] of next) for (const to of all) before.get(to)?.push(from);
  const left = new Set(next.keys());
  const ends = [...left].filter((node) => count.get(node) === 0);
  // A list is walked to its end, also to what is added meanwhile.
  for (const node of ends) {
    left.delete(node);
    for (const from of before.get(node) ?? []) {
      const rest = (count.get(from) ?? 0) - 1;
      count.set(from, rest);
      if (rest === 0) ends.push(from);
    }
  }
  return left;
}
