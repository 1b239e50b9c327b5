import type { Logger } from "pino";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../kube/client.ts";
import { type Controller, manualWatch, watchOf } from "../kube/controller.ts";
import { isNamespaceTerminating, isStatus } from "../kube/errors.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { controllerOf, type KubeObject, keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { decideBatch } from "../workflow/batch.ts";
import {
  decideInput,
  decideOpening,
  type Head,
  type InputDecision,
  type Opening,
  type Producer,
  type WaitResult,
} from "../workflow/opening.ts";
import { type InputRecord, readRecord, writeRecord } from "../workflow/record.ts";
import { cacheOf, isHeld, type StepInput, spokenArtifact } from "../workflow/step.ts";
import { openedSentence, waitingSentence } from "../workflow/told.ts";
import type { Batches } from "./batches.ts";
import {
  closeCondition,
  hourMs,
  type StepTrouble,
  type ToldBefore,
  tellTrouble,
  tellWaiting,
} from "./gate-told.ts";
import { fail, letGo, open, remember } from "./gate-writes.ts";
import type { Heads } from "./heads.ts";
import type { MemoGate } from "./memo.ts";
import type { MemoOutcome } from "./memo-settings.ts";
import type { StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { Waiters } from "./waiters.ts";
import type { WorkflowStep, WorkflowSteps } from "./workflow-steps.ts";

/** What holding steps until their inputs are there needs. */
interface GateSettings {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly publish: EventRecorder;
  readonly jobs: Mirror<StepJob>;
  readonly pods: Mirror<StepPod>;
  readonly steps: WorkflowSteps;
  readonly batches: Batches;
  readonly heads: Heads;
  readonly waiters: Waiters;
  /** Told of each cache, by its key, for whose artifacts a step waits. */
  readonly follow: (cache: string) => void;
  readonly observeWait: (result: WaitResult, seconds: number) => void;
  /** Decides whether a step runs that could be opened. */
  readonly memo: MemoGate;
}

type Mirror<T extends KubeObject> = Pick<Reflector<T>, "store" | "subscribe" | "synced">;

/** After a write that was refused because the step had changed, unless the watch tells of that before. */
const againMs = 1_000;

/**
 * The controllers that let steps start when their inputs are there: one for Jobs, one for Pods.
 *
 * @param settings - see there
 */
export function gateControllers(settings: GateSettings): readonly Controller[] {
  const { jobs, pods, steps, waiters } = settings;
  const toldOf = new Map<string, ToldBefore>();
  const controller = (
    name: string,
    isPod: boolean,
    mirror: Mirror<StepJob> | Mirror<StepPod>,
  ): Controller => {
    const woken = manualWatch();
    waiters.onWake(isPod, woken.tell);
    settings.memo.onWake(isPod, woken.tell);
    return {
      name,
      watches: [
        watchOf(mirror as Mirror<StepJob>, (now) =>
          now?.metadata?.labels?.[names.waitingLabel] === undefined ? [] : [keyOf(now)],
        ),
        watchOf(isPod ? (jobs as Mirror<KubeObject>) : (pods as Mirror<KubeObject>), () => []),
        woken.watch,
      ],
      reconcile: async (key) => {
        const step = isPod ? steps.pod(key) : steps.job(key);
        return step && stepOn(settings, step, () => waiters.lastArrival(step.namespace), toldOf);
      },
    };
  };
  return [controller("job-gate", false, jobs), controller("pod-gate", true, pods)];
}

/** After which a step is looked at again whose inputs have changed while it was looked at. */
const soonMs = 10;

/** The steps that make each of the inputs of a step, but for itself and the Job that it is a Pod of; of an input that names a digest nobody is waited for. */
function producersOf({ steps }: GateSettings, { namespace, plan, uid, object }: WorkflowStep): Producer[][] {
  const own = [uid, controllerOf(object)?.uid];
  return plan.inputs.map((input) =>
    input.version.startsWith("@")
      ? []
      : steps.producersOf(namespace, input).filter((producer) => !own.includes(producer.uid)),
  );
}

/** Who makes inputs, and how far they are: in one word, to be compared. */
function wordOf(producers: readonly (readonly Producer[])[]): string {
  return JSON.stringify(producers.flat().map(({ uid, state, pushed }) => [uid, state, pushed]));
}

/** Does for a step what is to be done now. */
async function stepOn(
  settings: GateSettings,
  step: WorkflowStep,
  lastArrival: () => number,
  toldOf: Map<string, ToldBefore>,
): Promise<number | undefined> {
  if (!isHeld(step.object.metadata?.labels)) return closeCondition(settings, step);
  const tell = (trouble: StepTrouble) => tellTrouble(settings, step, trouble, toldOf);
  if (step.state !== "live") return unlessChanged(settings.memo.finish(step), tell);
  // Its author, or Kueue, has resumed it.
  if (!step.isPod && !step.isSuspended) return unlessChanged(letGo(settings.client, step), tell);
  const { problem } = step.plan;
  if (problem !== undefined)
    return unlessChanged(tell({ reason: "AnnotationsRefused", message: problem }), tell);
  return unlessChanged(look(settings, step, lastArrival, toldOf), tell);
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

/** A step that has changed meanwhile is looked at again. */
async function unlessChanged(
  work: Promise<number | undefined>,
  tell: (trouble: StepTrouble) => Promise<unknown>,
): Promise<number | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isStatus(error, 409)) return againMs;
    if (isStatus(error, 404)) return undefined;
    // The step's author does not see the log, where it stands in any case.
    const message = refusalIn(error);
    if (message !== undefined) await tell({ reason: "StartRefused", message }).catch(() => undefined);
    throw error;
  }
}

/** What the API server says where it refuses a write for what it is, such as by a policy. */
function refusalIn(error: unknown): string | undefined {
  if (!isStatus(error, 403, 422) || isNamespaceTerminating(error)) return undefined;
  return `The API server refuses what the operator writes to start or end it: ${error.body.message ?? error.reason}`;
}

async function look(
  settings: GateSettings,
  step: WorkflowStep,
  lastArrival: () => number,
  toldOf: Map<string, ToldBefore>,
): Promise<number | undefined> {
  const { client, log, publish, heads, steps, batches } = settings;
  const { plan, namespace } = step;
  const before = readRecord(step.object.metadata?.annotations?.[names.waitingForAnnotation]);
  // Those that make it are known first: what is pushed meanwhile is seen.
  const producers = producersOf(settings, step);
  const decisions = await Promise.all(
    plan.inputs.map((input, i) =>
      decide(heads, step, input, producers[i] ?? [], before.get(spokenArtifact(input))),
    ),
  );
  const batch = decideBatch(plan.batch, batches.membersOf(step), before);
  const missingOfBatch = batch.missing;
  const now = client.now();
  const facts = {
    ...{ now, lastArrival: lastArrival(), missingOfBatch, createdAt: step.createdAt },
    timeoutSeconds: plan.timeoutSeconds,
    onProducerFailure: isReplaced(step) ? ("wait" as const) : plan.onProducerFailure,
    byHand: !plan.waits,
  };
  const verdicts = decisions.map(({ verdict }) => verdict);
  // Another try of the same Pod has the same inputs, whatever their tags are by now.
  const earlier = steps.pinsOfEarlier(step);
  const opening = earlier ? { kind: "open" as const, pins: earlier } : decideOpening(facts, verdicts);
  // While registries were asked, a step may have come that makes an input.
  if (opening.kind !== "wait" && wordOf(producersOf(settings, step)) !== wordOf(producers)) return soonMs;
  const inputs = plan.inputs.map(spokenArtifact);
  const tell = (note: EventNote) => {
    publish(step.object, note);
    log.info({ step: step.name, namespace, reason: note.reason }, note.note);
  };
  if (opening.kind === "open") {
    const seconds = (now - step.createdAt) / 1000;
    const about = { pins: opening.pins, inputs, tell, seconds, byHand: facts.byHand };
    return openUnlessMemoized(settings, step, { ...about, isRetry: earlier !== undefined }, toldOf);
  }
  const sentence = waitingSentence(inputs, verdicts, missingOfBatch);
  if (opening.kind === "fail") {
    const message = `${failure(opening, step)} ${sentence}`;
    await fail(client, step, { reason: opening.reason, message }, now);
    settings.observeWait(opening.reason, (now - step.createdAt) / 1000);
    tell({ type: "Warning", reason: opening.reason, action: "End", note: message });
    return undefined;
  }
  await write(settings, step, [...decisions.map(({ record }) => record), ...batch.records]);
  for (const cache of new Set(plan.inputs.flatMap((input) => cacheOf(input) ?? [])))
    settings.follow(`${namespace}/${cache}`);
  await tellWaiting(settings, step, { sentence, decisions, tell, now, toldOf });
  const polled = plan.inputs.filter((_, i) =>
    ["nobody", "failed", "unknown"].includes(verdicts[i]?.kind ?? ""),
  );
  const polls = polled.map((input) => heads.againInMs(namespace, input));
  return Math.min(...polls, opening.againInMs ?? hourMs);
}

/** Starts a step, unless its result is there, or being made. */
async function openUnlessMemoized(
  settings: GateSettings,
  step: WorkflowStep,
  {
    pins,
    byHand,
    isRetry,
    inputs,
    tell,
    seconds,
  }: {
    readonly pins: readonly string[];
    readonly byHand: boolean;
    readonly isRetry: boolean;
    readonly inputs: readonly string[];
    readonly tell: (note: EventNote) => void;
    readonly seconds: number;
  },
  toldOf: Map<string, ToldBefore>,
): Promise<number | undefined> {
  const { client, memo, observeWait } = settings;
  const outcome: MemoOutcome = byHand || isRetry ? { kind: "open" } : await memo.look(step, pins, tell);
  if (outcome.kind === "held") return outcome.againInMs;
  if (outcome.kind === "ended") {
    toldOf.delete(step.uid);
    observeWait("Memoized", seconds);
    return undefined;
  }
  const { key, from, held = step } = outcome;
  const byKueue = step.isQueued && !step.isPod && (await servesKueue(client));
  await open(client, held, pins, { key, byKueue, from }).catch((error: unknown) => {
    if (key !== undefined) memo.release(step, key);
    throw error;
  });
  toldOf.delete(step.uid);
  observeWait(byHand ? "OpenedByHand" : "Opened", seconds);
  const note = openedSentence(inputs, pins, seconds);
  tell({ type: "Normal", reason: "InputsAvailable", action: "Start", note });
  return undefined;
}

async function decide(
  heads: Heads,
  { namespace, plan }: WorkflowStep,
  input: StepInput,
  producers: readonly Producer[],
  record: InputDecision["record"] | undefined,
): Promise<InputDecision> {
  const isFound = record?.found !== undefined;
  const isMade = isFound && producers.some(({ state, pushed }) => state === "live" && pushed === undefined);
  const head = isMade
    ? { unknown: "it is being made" }
    : await headOf(heads, namespace, input, plan.hasLogin);
  return decideInput({ input: spokenArtifact(input), exact: input.exact, head, producers, record });
}

/** What a remote registry shows to anybody is not what it shows to who logs in. */
async function headOf(heads: Heads, namespace: string, input: StepInput, hasLogin: boolean): Promise<Head> {
  if (hasLogin && heads.isRemote(namespace, input)) return { refused: "the step logs in to its registry" };
  return heads.of(namespace, input);
}

async function write(
  { client }: GateSettings,
  step: WorkflowStep,
  records: readonly InputRecord[],
): Promise<void> {
  const record = writeRecord(records);
  if (record === step.object.metadata?.annotations?.[names.waitingForAnnotation]) return;
  await remember(client, step, record);
}

function failure({ reason }: Extract<Opening, { kind: "fail" }>, { plan, name }: WorkflowStep): string {
  if (reason === "InputProducerFailed") return `${name} does not start, as on-producer-failure says.`;
  return `${name} did not start within ${plan.timeoutSeconds} s, as wait-timeout says.`;
}

/** A Pod for which another is made at once when it fails, for ever. */
function isReplaced({ isPod, object }: WorkflowStep): boolean {
  return isPod && (controllerOf(object)?.apiVersion.startsWith("apps/") ?? false);
}
