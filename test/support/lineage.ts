import { numbersOut } from "../../src/lineage/fold.ts";
import type { StepFacts, StepState } from "../../src/lineage/graph.ts";

/**
 * A Job as a graph is drawn from it.
 *
 * @param name - of the Job
 * @param inputs - addresses of artifacts, which are their references, too
 * @param outputs - the same
 * @param state - of the Job
 */
export function stepFacts(
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  state: StepState = "waiting",
): StepFacts {
  const named = (of: readonly string[]) => of.map((address) => ({ address, reference: address }));
  return {
    ...{ kind: "Job", name, stem: numbersOut(name), state },
    ...{ inputs: named(inputs), outputs: named(outputs) },
  };
}
