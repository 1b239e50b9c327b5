import type { Logger } from "pino";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { forgetOldest } from "../kube/forget.ts";
import { circleFrom } from "../workflow/cycles.ts";
import type { InputDecision, WaitFailure } from "../workflow/opening.ts";
import { isHeld, isOpen } from "../workflow/step.ts";
import { type Told, tellCondition } from "./gate-writes.ts";
import type { StepJob } from "./step-jobs.ts";
import type { Waiters } from "./waiters.ts";
import type { WorkflowStep, WorkflowSteps } from "./workflow-steps.ts";

/** What telling of steps that wait needs. */
interface GateTeller {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly publish: EventRecorder;
  readonly steps: WorkflowSteps;
  readonly waiters: Waiters;
}

/**
 * Says what a step waits for, where that is news, and once an hour.
 *
 * @param teller - see there
 * @param step - that waits
 * @param news - the sentence, what is remembered of the step, and what was decided about each input
 */
export async function tellWaiting(
  teller: GateTeller,
  step: WorkflowStep,
  {
    sentence,
    record,
    decisions,
    tell,
    now,
    toldOf,
  }: {
    readonly sentence: string;
    readonly record: string;
    readonly decisions: readonly InputDecision[];
    readonly tell: (note: EventNote) => void;
    readonly now: number;
    readonly toldOf: Map<string, ToldBefore>;
  },
): Promise<void> {
  const last = toldOf.get(step.uid);
  const isDue = last === undefined || now - last.at >= hourMs;
  if (isDue || last.sentence !== sentence) {
    const told: Told = { status: "False", reason: "WaitingForInputs", message: sentence };
    const { status, message } = conditionOf(step) ?? {};
    if (status !== told.status || message !== sentence) await tellCondition(teller.client, step, told, now);
    const { overdueAt } = last ?? {};
    toldOf.set(step.uid, { sentence, record, at: isDue ? now : last.at, ...(overdueAt && { overdueAt }) });
    forgetOldest(toldOf, mostTold);
    tell({ type: "Normal", reason: "WaitingForInputs", action: "Wait", note: sentence });
    tellOfFailures(decisions, tell);
    if (isDue) tellOfCircle(teller, step);
  }
}

/** Why a step that waits cannot start, whatever is in the registry. */
export interface StepTrouble {
  readonly reason: "AnnotationsRefused" | "StartRefused";
  readonly message: string;
}

/**
 * Says why a step cannot start, where that is news, and once an hour.
 *
 * @param teller - see there
 * @param step - that waits
 * @param trouble - why
 * @param toldOf - what was told of each step
 */
export async function tellTrouble(
  { client, log, publish }: GateTeller,
  step: WorkflowStep,
  { reason, message }: StepTrouble,
  toldOf: Map<string, ToldBefore>,
): Promise<number> {
  const now = client.now();
  const last = toldOf.get(step.uid);
  const isDue = last?.sentence !== message || now - last.at >= hourMs;
  if (!isDue) return last.at + hourMs - now;
  toldOf.set(step.uid, { ...last, sentence: message, at: now });
  forgetOldest(toldOf, mostTold);
  publish(step.object, { type: "Warning", reason, action: "Wait", note: message });
  log.info({ step: step.name, namespace: step.namespace, reason }, message);
  const told = conditionOf(step);
  if (told?.reason !== reason || told.message !== message)
    await tellCondition(client, step, { status: "False", reason, message }, now);
  return hourMs;
}

/** What was told of a step, and when all of it. */
export interface ToldBefore {
  readonly sentence: string;
  readonly at: number;
  /** What is remembered of the step by now, which may not be written yet. */
  readonly record?: string;
  /** Since when there is more to tell, in milliseconds since 1970. */
  readonly newsSince?: number;
  /** When it was told last that somebody else is to end it. */
  readonly overdueAt?: number;
}

/**
 * Says that a step is not to start any more whose status somebody else writes, once an hour: it goes on waiting.
 *
 * @param toldOf - what was told of each step
 * @param step - that waits
 * @param about - why, and what it waits for
 * @returns after how many milliseconds to say it again
 */
export function tellOverdue(
  toldOf: Map<string, ToldBefore>,
  { uid, otherManager }: Pick<WorkflowStep, "uid" | "otherManager">,
  {
    reason,
    why,
    sentence,
    tell,
    now,
  }: {
    readonly reason: WaitFailure;
    readonly why: string;
    readonly sentence: string;
    readonly tell: (note: EventNote) => void;
    readonly now: number;
  },
): number {
  const last = toldOf.get(uid) ?? { sentence, at: now };
  const leftMs = last.overdueAt === undefined ? 0 : last.overdueAt + hourMs - now;
  if (leftMs > 0) return leftMs;
  toldOf.set(uid, { ...last, overdueAt: now });
  const note = `${why} The operator does not end it: its status is written by ${otherManager}, as managedBy says. Delete it, or set wait-for-inputs to "false" to start it with what is there. ${sentence}`;
  tell({ type: "Warning", reason, action: "Wait", note });
  return hourMs;
}

/** Inputs often come one after the other: a step with a thousand of them is not written a thousand times. */
const togetherMs = 1_000;

/**
 * How long to wait before what a step waits for now is told and remembered: what it waits for first is at once, what changes then
 * is together.
 *
 * @param toldOf - what was told of each step
 * @param step - that waits
 * @param news - the sentence, and what is to be remembered of the step, and whether that is written
 * @returns in milliseconds; 0 for now
 */
export function untilTold(
  toldOf: Map<string, ToldBefore>,
  { uid }: Pick<WorkflowStep, "uid">,
  {
    sentence,
    record,
    isWritten,
    now,
  }: {
    readonly sentence: string;
    readonly record: string;
    readonly isWritten: boolean;
    readonly now: number;
  },
): number {
  const last = toldOf.get(uid);
  if (last === undefined) return 0;
  const { newsSince = now, ...told } = last;
  const leftMs = newsSince + togetherMs - now;
  const isNews = !isWritten || told.sentence !== sentence;
  toldOf.set(uid, { ...told, record, ...(isNews && leftMs > 0 && { newsSince }) });
  return isNews ? Math.max(leftMs, 0) : 0;
}

/** Of steps that ended while they waited, nobody tells. */
const mostTold = 20_000;

/** An Event lives an hour; what still waits is told again. */
export const hourMs = 3_600_000;

function tellOfFailures(decisions: readonly InputDecision[], tell: (note: EventNote) => void): void {
  for (const { verdict, record } of decisions) {
    if (verdict.kind !== "failed") continue;
    const { by, how, again = "it" } = verdict;
    const note = `${by} was to push ${record.input} and ${how}. Create ${again} again, and this step goes on; or set wait-for-inputs to "false" to start it with what is there.`;
    tell({ type: "Warning", reason: "InputProducerFailed", action: "Wait", note });
  }
}

/** The one that is seen last finds the circle that it closes, and all of it are told. */
function tellOfCircle({ steps, waiters, publish, log }: GateTeller, step: WorkflowStep): void {
  const { output } = step.plan;
  // Most steps come before those that wait for them, or after those that they wait for.
  if (output === undefined || !(isOpen(output) || waiters.anyOn(step.namespace, output))) return;
  const found = new Map<string, WorkflowStep>([[step.uid, step]]);
  const circle = circleFrom(step.uid, (uid) =>
    waitedFor(steps, found.get(uid)).map((other) => {
      found.set(other.uid, other);
      return other.uid;
    }),
  );
  if (circle === undefined) return;
  // The same words whoever finds it.
  const first = circle.indexOf([...circle].sort()[0] ?? "");
  const members = [...circle.slice(first), ...circle.slice(0, first)].flatMap((uid) => found.get(uid) ?? []);
  const path = [...members, ...members.slice(0, 1)].map(({ name }) => name).join(" waits for ");
  const note = `Steps wait for each other: ${path}. Correct their inputs, or set wait-for-inputs to "false" on one of them.`;
  log.info({ step: step.name, namespace: step.namespace, reason: "InputCycle" }, note);
  for (const { object } of members)
    publish(object, { type: "Warning", reason: "InputCycle", action: "Wait", note });
}

/** The steps that hold a step, and are held themselves. */
function waitedFor(steps: WorkflowSteps, step: WorkflowStep | undefined): WorkflowStep[] {
  if (step === undefined) return [];
  return step.plan.inputs
    .flatMap((input) => steps.makersOf(step.namespace, input))
    .filter(
      (other) => other.uid !== step.uid && other.state === "live" && isHeld(other.object.metadata?.labels),
    );
}

function conditionOf({ object }: WorkflowStep) {
  return (object as StepJob).status?.conditions?.find(({ type }) => type === names.inputsAvailable);
}

/**
 * The condition of a step that was started: a leader may have ended between the two writes. One that ended without digests was ended
 * while it waited.
 */
export async function closeCondition({ client }: GateTeller, step: WorkflowStep): Promise<undefined> {
  const wasOpened = step.object.metadata?.annotations?.[names.inputDigestsAnnotation] !== undefined;
  if (conditionOf(step)?.status === "True" || (step.state !== "live" && !wasOpened)) return undefined;
  const told: Told = {
    status: "True",
    reason: "InputsAvailable",
    message: "All inputs were there when it started.",
  };
  try {
    await tellCondition(client, step, told, client.now());
  } catch (error) {
    if (!isStatus(error, 404, 409)) throw error;
  }
  return undefined;
}
