import type { InputRecord } from "./record.ts";
import type { StepPlan } from "./step.ts";

/** What is known of the batch of a step. */
interface BatchDecision {
  /** How many steps of it are not there yet; undefined where the step is in none. */
  readonly missing: number | undefined;
  /** What is to be remembered of it. */
  readonly records: readonly InputRecord[];
}

/**
 * Decides about the batch of a step that waits. Once all of it were there, it stays so: those that have ended may be removed
 * while others still wait for their inputs.
 *
 * @param batch - of the step
 * @param size - how many steps of it are there
 * @param before - what the step remembers
 */
export function decideBatch(
  batch: StepPlan["batch"],
  size: number,
  before: ReadonlyMap<string, InputRecord>,
): BatchDecision {
  if (batch === undefined) return { missing: undefined, records: [] };
  // No input has a space in its name.
  const input = `batch ${batch.name}/${batch.count}`;
  if (size < batch.count && !before.has(input)) return { missing: batch.count - size, records: [] };
  return { missing: 0, records: [{ input, producers: {} }] };
}
