import type { Graph, StepNode } from "./graph.ts";

/**
 * Steps with all that read what they make, directly or through others.
 *
 * @param graph - who makes what from what
 * @param ids - of steps
 */
export function downstreamOf({ steps, artifacts }: Graph, ids: readonly string[]): ReadonlySet<string> {
  const stepOf = new Map(steps.map((step) => [step.id, step]));
  const usersOf = new Map(artifacts.map(({ id, usedBy }) => [id, usedBy]));
  const found = new Set(ids);
  // A set grows while it is gone through.
  for (const id of found)
    for (const output of stepOf.get(id)?.outputs ?? [])
      for (const user of usersOf.get(output) ?? []) found.add(user);
  return found;
}

/**
 * Steps in the order of the data: each after those that make its inputs. Steps of a cycle come last.
 *
 * @param graph - who makes what from what
 * @param chosen - ids of the steps
 */
export function inOrderOfData({ steps, artifacts }: Graph, chosen: ReadonlySet<string>): readonly StepNode[] {
  const makersOf = new Map(
    artifacts.map(({ id, madeBy }) => [id, madeBy.filter((maker) => chosen.has(maker))]),
  );
  const left = new Map(steps.filter(({ id }) => chosen.has(id)).map((step) => [step.id, step]));
  const ordered: StepNode[] = [];
  const isReady = ({ id, inputs }: StepNode) =>
    inputs.every((input) => (makersOf.get(input) ?? []).every((maker) => maker === id || !left.has(maker)));
  for (;;) {
    const ready = [...left.values()].filter(isReady);
    if (ready.length === 0) return [...ordered, ...left.values()];
    for (const step of ready) left.delete(step.id);
    ordered.push(...ready);
  }
}
