import { circlesIn } from "../common/circles.ts";

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
  return circlesIn(next);
}
