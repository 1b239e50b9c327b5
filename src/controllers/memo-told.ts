import { names } from "../../schema/names.ts";
import type { MemoMode } from "../annotations/settings.ts";
import type { KubeClient } from "../kube/client.ts";
import type { EventNote } from "../kube/events.ts";
import type { Memos } from "../memo/memos.ts";
import { shortKey } from "../memo/short-key.ts";
import { joinedSentence, missSentence, nameJoined } from "../memo/told.ts";
import { tellCondition } from "./gate-writes.ts";
import type { Keyed } from "./memo-keys.ts";
import type { StepJob } from "./step-jobs.ts";
import type { WorkflowStep } from "./workflow-steps.ts";

const reason = "Coalesced";

/**
 * Says that a step waits for the result of another one. It is written once.
 *
 * @param client - of the API server
 * @param step - that waits
 * @param other - which, and the key of both
 * @param tell - publishes an Event
 */
export async function tellJoined(
  client: KubeClient,
  step: WorkflowStep,
  other: { readonly name: string; readonly key: string },
  tell: (note: EventNote) => void,
): Promise<void> {
  const message = joinedSentence(other.key);
  const conditions = (step.object as StepJob).status?.conditions ?? [];
  const told = conditions.find(({ type }) => type === names.inputsAvailable);
  if (told?.reason === reason && told.message === message) return;
  await tellCondition(client, step, { status: "False", reason, message }, client.now());
  const note = nameJoined(message, () => other.name);
  tell({ type: "Normal", reason, action: "Wait", note });
}

/**
 * Says that a step runs whose result is not there, and what differs from the one before.
 *
 * @param memos - what is remembered
 * @param cache - `namespace/name`
 * @param keyed - the step
 * @param because - what is known of its result
 * @param tell - publishes an Event
 */
export async function tellMiss(
  memos: Memos,
  cache: string,
  { key, units }: Keyed,
  because: string,
  tell: (note: EventNote) => void,
): Promise<void> {
  const [first] = units;
  if (first === undefined) return;
  const last = units.length === 1 ? await memos.latestOf(cache, first.output) : undefined;
  const note = missSentence(key, because, last, first.key.parts);
  tell({ type: "Normal", reason: "MemoMiss", action: "Start", note });
}

/**
 * Says that a step runs because its author asks for that, whatever is remembered.
 *
 * @param mode - what memoize says
 * @param key - of the step
 * @param tell - publishes an Event
 */
export function tellAsked(mode: MemoMode, key: string, tell: (note: EventNote) => void): void {
  const note = `Runs, as memoize is ${mode} (key ${shortKey(key)}). ${mode === "verify" ? "What it makes is compared with what is remembered, if anything is." : "What it makes takes the place of what is remembered, if anything is."}`;
  tell({ type: "Normal", reason: "MemoMiss", action: "Start", note });
}
