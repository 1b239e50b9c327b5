import type { Logger } from "pino";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../kube/client.ts";
import { type Controller, manualWatch, watchOf } from "../kube/controller.ts";
import { isStatus } from "../kube/errors.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { forgetOldest } from "../kube/forget.ts";
import { controllerOf, type KubeObject, keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { decideBatch } from "../workflow/batch.ts";
import { circleFrom } from "../workflow/cycles.ts";
import {
  decideInput,
  decideOpening,
  type InputDecision,
  type Opening,
  type Producer,
  type WaitResult,
} from "../workflow/opening.ts";
import { type InputRecord, readRecord, writeRecord } from "../workflow/record.ts";
import { cacheOf, isHeld, isOpen, type StepInput, spokenArtifact } from "../workflow/step.ts";
import { openedSentence, waitingSentence } from "../workflow/told.ts";
import { fail, letGo, open, remember, type Told, tellCondition } from "./gate-writes.ts";
import type { Heads } from "./heads.ts";
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
  readonly heads: Heads;
  readonly waiters: Waiters;
  /** Told of each cache, by its key, for whose artifacts a step waits. */
  readonly follow: (cache: string) => void;
  readonly observeWait: (result: WaitResult, seconds: number) => void;
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

/** The steps that make each of the inputs of a step, but for itself; of an input that names a digest nobody is waited for. */
function producersOf({ steps }: GateSettings, { namespace, plan, uid }: WorkflowStep): Producer[][] {
  return plan.inputs.map((input) =>
    input.version.startsWith("@")
      ? []
      : steps.producersOf(namespace, input).filter((producer) => producer.uid !== uid),
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
  if (step.state !== "live") return undefined;
  // Its author, or Kueue, has resumed it.
  if (!step.isPod && !step.isSuspended) return unlessChanged(letGo(settings.client, step));
  return unlessChanged(look(settings, step, lastArrival, toldOf));
}

/** A step that has changed meanwhile is looked at again. */
async function unlessChanged(work: Promise<number | undefined>): Promise<number | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isStatus(error, 409)) return againMs;
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

async function look(
  settings: GateSettings,
  step: WorkflowStep,
  lastArrival: () => number,
  toldOf: Map<string, ToldBefore>,
): Promise<number | undefined> {
  const { client, log, publish, heads, steps } = settings;
  const { plan, namespace } = step;
  const before = readRecord(step.object.metadata?.annotations?.[names.waitingForAnnotation]);
  // Those that make it are known first: what is pushed meanwhile is seen.
  const producers = producersOf(settings, step);
  const decisions = await Promise.all(
    plan.inputs.map((input, i) =>
      decide(heads, namespace, input, producers[i] ?? [], before.get(spokenArtifact(input))),
    ),
  );
  const size = plan.batch ? steps.sizeOfBatch(namespace, plan.batch.name) : 0;
  const batch = decideBatch(plan.batch, size, before);
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
    await open(client, step, opening.pins);
    settings.observeWait(facts.byHand ? "OpenedByHand" : "Opened", (now - step.createdAt) / 1000);
    const note = openedSentence(inputs, opening.pins, (now - step.createdAt) / 1000);
    tell({ type: "Normal", reason: "InputsAvailable", action: "Start", note });
    toldOf.delete(step.uid);
    return undefined;
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

/** Says what a step waits for, where that is news, and once an hour. */
async function tellWaiting(
  settings: GateSettings,
  step: WorkflowStep,
  {
    sentence,
    decisions,
    tell,
    now,
    toldOf,
  }: {
    readonly sentence: string;
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
    if (status !== told.status || message !== sentence) await tellCondition(settings.client, step, told, now);
    toldOf.set(step.uid, { sentence, at: isDue ? now : last.at });
    forgetOldest(toldOf, mostTold);
    tell({ type: "Normal", reason: "WaitingForInputs", action: "Wait", note: sentence });
    tellOfFailures(decisions, tell);
    if (isDue) tellOfCircle(settings, step);
  }
}

interface ToldBefore {
  readonly sentence: string;
  readonly at: number;
}

/** Of steps that ended while they waited, nobody tells. */
const mostTold = 20_000;

/** An Event lives an hour; what still waits is told again. */
const hourMs = 3_600_000;

async function decide(
  heads: Heads,
  namespace: string,
  input: StepInput,
  producers: readonly Producer[],
  record: InputDecision["record"] | undefined,
): Promise<InputDecision> {
  const isFound = record?.found !== undefined;
  const isMade = isFound && producers.some(({ state, pushed }) => state === "live" && pushed === undefined);
  const head = isMade ? { unknown: "it is being made" } : await heads.of(namespace, input);
  return decideInput({ input: spokenArtifact(input), exact: input.exact, head, producers, record });
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

function tellOfFailures(decisions: readonly InputDecision[], tell: (note: EventNote) => void): void {
  for (const { verdict, record } of decisions) {
    if (verdict.kind !== "failed") continue;
    const note = `${verdict.by} was to push ${record.input} and failed. Create it again, and this step goes on; or set wait-for-inputs to "false" to start it with what is there.`;
    tell({ type: "Warning", reason: "InputProducerFailed", action: "Wait", note });
  }
}

/** The one that is seen last finds the circle that it closes, and all of it are told. */
function tellOfCircle({ steps, waiters, publish, log }: GateSettings, step: WorkflowStep): void {
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

/** The condition of a step that was started: a leader may have ended between the two writes. */
async function closeCondition({ client }: GateSettings, step: WorkflowStep): Promise<undefined> {
  if (conditionOf(step)?.status === "True") return undefined;
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
