import type { Condition } from "./types.ts";

/** The aspects of a cache, in the order in which they are kept. */
export type ConditionType = "Available" | "Progressing" | "Degraded";

/** A condition before it is known since when it holds. */
export type Verdict = Pick<Condition, "status" | "reason" | "message">;

/**
 * Conditions with their times: a time stays while the status stays.
 *
 * @param before - the conditions as stored
 * @param now - what holds now
 * @param generation - of the spec that it is about
 * @param time - the present, as RFC 3339
 */
export function updateConditions(
  before: readonly Condition[],
  now: Readonly<Record<ConditionType, Verdict>>,
  generation: number,
  time: string,
): Condition[] {
  return (Object.entries(now) as [ConditionType, Verdict][]).map(([type, verdict]) => {
    const old = before.find((condition) => condition.type === type);
    const lastTransitionTime = old?.status === verdict.status ? old.lastTransitionTime : time;
    return { type, ...verdict, lastTransitionTime, observedGeneration: generation };
  });
}
