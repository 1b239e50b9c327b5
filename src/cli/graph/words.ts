import type { FoldedNode } from "../../lineage/fold.ts";
import { type StepNode, type StepState, stepStates } from "../../lineage/graph.ts";

/**
 * A number as people read it.
 *
 * @param value - whole
 * @returns such as `1,000`
 */
export function counted(value: number): string {
  return value.toLocaleString("en-US");
}

/**
 * Enough of a digest to tell it from others.
 *
 * @param digest - undefined where none is known
 */
export function shortDigest(digest: string | undefined): string {
  return digest?.slice(0, "sha256:".length + 12) ?? "";
}

/**
 * What a node is called: of several, what their names have in common, and how many they are.
 *
 * @param node - of the drawn graph
 */
export function titleOf({ label, members }: FoldedNode): string {
  return members.length === 1 ? label : `${label} x ${counted(members.length)}`;
}

/**
 * How steps are, in words.
 *
 * @param steps - of one node: at least one
 * @returns such as `running, 7 of 10 succeeded` or `996 succeeded, 4 failed`
 */
export function stateOf(steps: readonly StepNode[]): string {
  const [first] = steps;
  if (steps.length > 1 || first === undefined) return statesOf(steps);
  const { state, completions, notRun } = first;
  if (didNotRun(first))
    return `${state}, not run (${notRun?.by ? `result of ${idOf(notRun.by)}` : "its result was there"})`;
  if (completions === undefined) return state;
  const { wanted, succeeded, failed } = completions;
  const bad = failed === 0 ? "" : `, ${counted(failed)} ${failed === 1 ? "Pod" : "Pods"} failed`;
  const taken = notRun?.indexes ? `, ${counted(notRun.indexes.count)} not run` : "";
  return `${state}, ${counted(succeeded)} of ${counted(wanted)} succeeded${taken}${bad}`;
}

/** Of a Job some of whose indexes ran it is said apart. */
function didNotRun({ state, notRun }: StepNode): boolean {
  return state === "succeeded" && notRun !== undefined && notRun.indexes === undefined;
}

/** Of such as `Job count`. */
function idOf(by: string): string {
  return by.replace(/^(Job|Pod) /, (_, kind: string) => `${kind.toLowerCase()}/`);
}

/**
 * How many steps are in which state, and how many of those that succeeded did not run.
 *
 * @param steps - any
 */
export function statesOf(steps: readonly StepNode[]): string {
  const notRun = steps.filter(didNotRun).length;
  const taken = notRun === 0 ? "" : ` (${counted(notRun)} not run)`;
  const count = (state: StepState) => steps.filter((step) => step.state === state).length;
  return stepStates
    .toReversed()
    .flatMap((state) =>
      count(state) === 0 ? [] : `${counted(count(state))} ${state}${state === "succeeded" ? taken : ""}`,
    )
    .join(", ");
}
