/**
 * Finds a circle of steps that wait for each other.
 *
 * @param start - a step, by any key
 * @param waitsFor - the keys of the steps that a step waits for
 * @returns the steps of the circle in order, the first one once; undefined where there is none through the first
 */
export function circleFrom(
  start: string,
  waitsFor: (key: string) => readonly string[],
): readonly string[] | undefined {
  const cameFrom = new Map<string, string>();
  const next = [start];
  for (let at = next.pop(); at !== undefined; at = next.pop()) {
    for (const other of waitsFor(at)) {
      if (other === start) return pathTo(at, start, cameFrom);
      if (cameFrom.has(other)) continue;
      cameFrom.set(other, at);
      next.push(other);
    }
  }
  return undefined;
}

function pathTo(end: string, start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const path = [end];
  for (let at = end; at !== start; ) {
    at = cameFrom.get(at) ?? start;
    path.push(at);
  }
  return path.reverse();
}
