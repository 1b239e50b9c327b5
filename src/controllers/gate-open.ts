import { names } from "../../schema/names.ts";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import type { EventNote } from "../kube/events.ts";
import type { InputVerdict, WaitResult } from "../workflow/opening.ts";
import { openedSentence } from "../workflow/told.ts";
import type { ToldBefore } from "./gate-told.ts";
import { open } from "./gate-writes.ts";
import type { MemoGate } from "./memo.ts";
import type { MemoOutcome } from "./memo-settings.ts";
import type { WorkflowStep } from "./workflow-steps.ts";

/** What starting steps needs. */
export interface OpenSettings {
  readonly client: KubeClient;
  readonly observeWait: (result: WaitResult, seconds: number) => void;
  /** Decides whether a step runs that could be opened. */
  readonly memo: MemoGate;
}

/** Whether Kueue is installed; a queue that a Job names where it is not resumes nothing. */
async function servesKueue(client: KubeClient): Promise<boolean> {
  try {
    await client.request({ path: `/apis/${names.kueueGroup}` });
    return true;
  } catch (error) {
    if (isStatus(error, 404)) return false;
    throw error;
  }
}

/**
 * Starts a step, unless its result is there, or being made.
 *
 * @param settings - see there
 * @param step - whose inputs are there
 * @param about - what is known of its inputs, and how it is told
 * @param toldOf - what was told of each step
 * @returns after how many milliseconds to look again, if at all
 */
export async function openUnlessMemoized(
  settings: OpenSettings,
  step: WorkflowStep,
  {
    pins: found,
    byHand,
    isRetry,
    inputs,
    tell,
    seconds,
    verdicts,
  }: {
    readonly pins: readonly string[];
    readonly byHand: boolean;
    readonly isRetry: boolean;
    readonly inputs: readonly string[];
    readonly tell: (note: EventNote) => void;
    readonly seconds: number;
    readonly verdicts: readonly InputVerdict[];
  },
  toldOf: Map<string, ToldBefore>,
): Promise<number | undefined> {
  const { client, memo, observeWait } = settings;
  const outcome: MemoOutcome = byHand || isRetry ? { kind: "open" } : await memo.look(step, found, tell);
  if (outcome.kind === "held") return outcome.againInMs;
  if (outcome.kind === "ended") {
    toldOf.delete(step.uid);
    observeWait("Memoized", seconds);
    return undefined;
  }
  const { key, from, held = step, pins = found } = outcome;
  const byKueue = step.isQueued && !step.isPod && (await servesKueue(client));
  await open(client, held, pins, { key, byKueue, from }).catch((error: unknown) => {
    if (key !== undefined) memo.release(step, key);
    throw error;
  });
  toldOf.delete(step.uid);
  observeWait(byHand ? "OpenedByHand" : "Opened", seconds);
  const note = openedSentence(inputs, pins, seconds, verdicts);
  tell({ type: "Normal", reason: "InputsAvailable", action: "Start", note });
  return undefined;
}
