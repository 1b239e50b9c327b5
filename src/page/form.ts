import type { StepState } from "../lineage/graph.ts";
import type { PageStep } from "./protocol.ts";

/** What a step looks like: its state, or that it did not run as its result was there already. */
export type Form = StepState | "notRun";

/** What a step looks like. One of which some indexes ran looks like one that ran. */
export function formOf({ state, notRun }: PageStep): Form {
  return state === "succeeded" && notRun !== undefined && notRun.indexes === undefined ? "notRun" : state;
}

/** How many steps did not run, as their results were there already. */
export function notRunIn(steps: readonly PageStep[]): number {
  return steps.filter((step) => formOf(step) === "notRun").length;
}
