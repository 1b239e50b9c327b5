import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { isHeld } from "../../workflow/step.ts";
import type { Facts } from "./facts.ts";
import { type Finding, withFix } from "./finding.ts";

const saysWhatFor: ReadonlySet<string> = new Set([
  ...["WaitingForInputs", "InputNeverCame", "InputProducerFailed"],
]);

/** Whether a step is held until its inputs are there. One that has ended was not started: it never came to that. */
export function waitsForInputs({ metadata, status }: V1Job | V1Pod): boolean {
  const { phase = "Pending" } = (status ?? {}) as V1Pod["status"] & object;
  return isHeld(metadata?.labels) && phase === "Pending";
}

/**
 * What a step that is held waits for, as the operator has said it.
 *
 * @param step - a Job or a Pod that waits
 * @param facts - what was read
 */
export function inputsOf(step: V1Job | V1Pod, { events }: Pick<Facts, "events">): readonly Finding[] {
  const conditions: readonly { readonly type: string; readonly message?: string }[] =
    step.status?.conditions ?? [];
  const told = conditions.find(({ type }) => type === names.inputsAvailable)?.message;
  const own = events.filter(({ about }) => about.endsWith(`/${step.metadata?.name}`));
  const circle = own.find(({ reason }) => reason === "InputCycle");
  // Where somebody else writes the status, only Events say it.
  const event = own.find(({ reason }) => saysWhatFor.has(reason))?.note;
  const waits: Finding = {
    level: "waits",
    text: told ?? event ?? "It waits for its inputs; the operator has not said yet for which.",
    ...withFix("WaitingForInputs"),
  };
  if (circle === undefined) return [waits];
  return [{ level: "bad", text: circle.note, ...withFix("InputCycle") }, waits];
}
