import type { Logger } from "pino";
import { names } from "../../schema/names.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { controllerOf } from "../kube/objects.ts";
import { decideBatch } from "../workflow/batch.ts";
import { decideOpening, type InputVerdict, type WaitFailure } from "../workflow/opening.ts";
import { readRecord, writeRecord } from "../workflow/record.ts";
import { cacheOf, spokenArtifact } from "../workflow/step.ts";
import { waitingSentence } from "../workflow/told.ts";
import type { Batches } from "./batches.ts";
import { decide, leaversOf, producersOf, wordOf } from "./gate-inputs.ts";
import { type OpenSettings, openUnlessMemoized } from "./gate-open.ts";
import { hourMs, type ToldBefore, tellOverdue, tellWaiting, untilTold } from "./gate-told.ts";
import { fail, remember } from "./gate-writes.ts";
import type { Heads } from "./heads.ts";
import { noteOfUnread } from "./unread-secrets.ts";
import type { Waiters } from "./waiters.ts";
import type { WorkflowStep, WorkflowSteps } from "./workflow-steps.ts";

/** What looking at steps that wait needs. */
export interface LookSettings extends OpenSettings {
  readonly log: Logger;
  readonly publish: EventRecorder;
  readonly steps: WorkflowSteps;
  readonly batches: Batches;
  readonly heads: Heads;
  readonly waiters: Waiters;
  /** Told of each cache, by its key, for whose artifacts a step waits. */
  readonly follow: (cache: string) => void;
}

/** After which a step is looked at again whose inputs have changed while it was looked at. */
const soonMs = 10;

/**
 * Looks at a step that waits, and starts it, ends it, or says what it waits for.
 *
 * @param settings - see there
 * @param step - that waits
 * @param lastArrival - when a step of its namespace was created last
 * @param toldOf - what was told of each step
 * @returns after how many milliseconds to look again, if at all
 */
export async function look(
  settings: LookSettings,
  step: WorkflowStep,
  lastArrival: () => number,
  toldOf: Map<string, ToldBefore>,
): Promise<number | undefined> {
  const { client, log, publish, steps, batches } = settings;
  const { plan, namespace } = step;
  const written = step.object.metadata?.annotations?.[names.waitingForAnnotation];
  // What is not written yet is known here.
  const before = readRecord(toldOf.get(step.uid)?.record ?? written);
  // Those that make it are known first: what is pushed meanwhile is seen.
  const producers = producersOf(steps, step);
  const decisions = await Promise.all(
    plan.inputs.map((input, i) =>
      decide(
        settings,
        step,
        input,
        { producers: producers[i] ?? [], leavers: leaversOf(steps, step, input) },
        before.get(spokenArtifact(input)),
      ),
    ),
  );
  const batch = decideBatch(plan.batch, batches.membersOf(step), before);
  const missingOfBatch = batch.missing;
  const now = client.now();
  const facts = {
    ...{ now, lastArrival: lastArrival(), missingOfBatch, createdAt: step.createdAt },
    timeoutSeconds: plan.timeoutSeconds,
    onProducerFailure: isReplaced(step) ? ("wait" as const) : plan.onProducerFailure,
    ...{ byHand: !plan.waits, mayEnd: step.otherManager === undefined },
  };
  const verdicts = decisions.map(({ verdict }) => verdict);
  // Another try of the same Pod has the same inputs, whatever their tags are by now.
  const earlier = steps.pinsOfEarlier(step);
  const opening = earlier ? { kind: "open" as const, pins: earlier } : decideOpening(facts, verdicts);
  // While registries were asked, a step may have come that makes an input.
  if (opening.kind !== "wait" && wordOf(producersOf(steps, step)) !== wordOf(producers)) return soonMs;
  const inputs = plan.inputs.map(spokenArtifact);
  const tell = (note: EventNote) => {
    publish(step.object, note);
    log.info({ step: step.name, namespace, reason: note.reason }, note.note);
  };
  if (opening.kind === "open") {
    if (!earlier) tellUnread(verdicts, tell);
    const seconds = (now - step.createdAt) / 1000;
    const about = { pins: opening.pins, inputs, tell, seconds, verdicts, byHand: facts.byHand };
    return openUnlessMemoized(settings, step, { ...about, isRetry: earlier !== undefined }, toldOf);
  }
  const sentence = waitingSentence(inputs, verdicts, { ...batch, of: plan.batch });
  if (opening.kind === "fail") return endStep(settings, step, opening.reason, { sentence, now });
  for (const cache of new Set(plan.inputs.flatMap((input) => cacheOf(input) ?? [])))
    settings.follow(`${namespace}/${cache}`);
  const record = writeRecord([...decisions.map((decision) => decision.record), ...batch.records]);
  const isWritten = record === written;
  const tellInMs = untilTold(toldOf, step, { sentence, record, isWritten, now });
  if (tellInMs === 0)
    await tellNews(settings, step, { sentence, record, isWritten, decisions, tell, now, toldOf });
  const polls = pollsOf(settings, step, verdicts);
  const overdueInMs = tellIfOverdue(opening.overdue, { step, sentence, tell, now, toldOf });
  return Math.min(...polls, tellInMs || hourMs, opening.againInMs ?? hourMs, overdueInMs);
}

/** Remembers and tells what a step waits for. */
async function tellNews(
  settings: LookSettings,
  step: WorkflowStep,
  { isWritten, ...news }: Parameters<typeof tellWaiting>[2] & { readonly isWritten: boolean },
): Promise<void> {
  // Nobody waits for it: a registry may take its time.
  if (!news.toldOf.has(step.uid)) void settings.memo.foresee(step, news.tell);
  if (!isWritten) await remember(settings.client, step, news.record);
  await tellWaiting(settings, step, news);
}

/** Of an input whose login the operator may not read. */
function tellUnread(verdicts: readonly InputVerdict[], tell: (note: EventNote) => void): void {
  const [unread] = verdicts.flatMap((one) => (one.kind === "there" && one.unread) || []);
  if (unread) tell(noteOfUnread(unread));
}

async function endStep(
  { client, log, publish, observeWait }: LookSettings,
  step: WorkflowStep,
  reason: WaitFailure,
  { sentence, now }: { readonly sentence: string; readonly now: number },
): Promise<undefined> {
  const message = `${failure(reason, step)} ${sentence}`;
  await fail(client, step, { reason, message }, now);
  observeWait(reason, (now - step.createdAt) / 1000);
  // Of a Job its controller tells, with the same words.
  if (step.isPod) publish(step.object, { type: "Warning", reason, action: "End", note: message });
  log.info({ step: step.name, namespace: step.namespace, reason }, message);
}

/** What the registry may have meanwhile, without anybody saying so. */
const asksAgain: ReadonlySet<string> = new Set(["nobody", "failed", "unknown"]);

/** After how many milliseconds its inputs are asked for again. */
function pollsOf(
  { heads, waiters }: LookSettings,
  { uid, namespace, plan }: WorkflowStep,
  verdicts: readonly InputVerdict[],
): number[] {
  // It may have gone meanwhile: nobody would take back that it asks again.
  if (!waiters.has(uid)) return [];
  const polled = plan.inputs.filter((_, i) => asksAgain.has(verdicts[i]?.kind ?? ""));
  return polled.map((input) => heads.againInMs(namespace, input, uid));
}

/** @returns after how many milliseconds to look again */
function tellIfOverdue(
  overdue: WaitFailure | undefined,
  {
    step,
    toldOf,
    ...about
  }: {
    readonly step: WorkflowStep;
    readonly sentence: string;
    readonly tell: (note: EventNote) => void;
    readonly now: number;
    readonly toldOf: Map<string, ToldBefore>;
  },
): number {
  if (overdue === undefined) return hourMs;
  return tellOverdue(toldOf, step, { reason: overdue, why: failure(overdue, step), ...about });
}

function failure(reason: WaitFailure, { plan, name }: WorkflowStep): string {
  if (reason === "InputProducerFailed") return `${name} does not start, as on-producer-failure says.`;
  return `${name} did not start within ${plan.timeoutSeconds} s, as wait-timeout says.`;
}

/** A Pod for which another is made at once when it fails, for ever. */
function isReplaced({ isPod, object }: WorkflowStep): boolean {
  return isPod && (controllerOf(object)?.apiVersion.startsWith("apps/") ?? false);
}
