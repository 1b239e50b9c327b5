import type { ConditionReason, ConditionType } from "../../schema/reasons.ts";
import { visibleLines } from "../annotations/problems.ts";
import type { Condition } from "./types.ts";

/** A condition before it is known since when it holds. */
export interface Verdict extends Pick<Condition, "status" | "message"> {
  readonly reason: ConditionReason;
}

/**
 * Conditions with their times: a time stays while the status stays. Progress starts again with each generation, and
 * with another reason.
 *
 * @param before - the conditions as stored
 * @param now - what holds now
 * @param generation - of the spec that it is about
 * @param time - the present, as RFC 3339
 */
export function updateConditions(
  before: readonly Condition[],
  now: Readonly<Partial<Record<ConditionType, Verdict>>>,
  generation: number,
  time: string,
): Condition[] {
  return (Object.entries(now) as [ConditionType, Verdict][]).map(([type, verdict]) => {
    const old = before.find((condition) => condition.type === type);
    const stays =
      old?.status === verdict.status &&
      (type !== "Progressing" ||
        verdict.status === "False" ||
        (old.observedGeneration === generation && old.reason === verdict.reason));
    // A time that is still to come was written by somebody else.
    const isToCome = Date.parse(old?.lastTransitionTime ?? "") > Date.parse(time);
    const lastTransitionTime = stays && !isToCome ? old.lastTransitionTime : time;
    const message = visibleLines(verdict.message);
    return { type, ...verdict, message, lastTransitionTime, observedGeneration: generation };
  });
}
