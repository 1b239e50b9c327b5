import type { Logger } from "pino";
import { type Controller, watchOf } from "../kube/controller.ts";
import { isStatus, sentenceOf } from "../kube/errors.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { type KubeObject, keyOf } from "../kube/objects.ts";
import { indexesIn } from "../memo/indexes.ts";
import type { MemoEntry, NewMemoEntry } from "../memo/memos.ts";
import { whatElseRan } from "../memo/ran.ts";
import { shortKey } from "../memo/told.ts";
import { cacheOf } from "../workflow/step.ts";
import type { MemoGate, MemoSettings } from "./memo.ts";
import { memoKeyOf, type recordWords } from "./memo-flights.ts";
import { type Keyed, keysOf, type MemoUnit } from "./memo-keys.ts";
import { markRecorded } from "./memo-writes.ts";
import { pushesOf } from "./outcomes.ts";
import type { StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowStep } from "./workflow-steps.ts";

/** What writing what steps have made needs. */
export interface RecordSettings extends MemoSettings {
  readonly log: Logger;
  readonly publish: EventRecorder;
  readonly modeOf: MemoGate["modeOf"];
}

type Word = (typeof recordWords)[number];

/** A Pod's status may come later than that of its Job, and a registry may be away. */
const longestTriesMs = 10 * 60_000;
const againMs = 2_000;
const completionIndexLabel = "batch.kubernetes.io/job-completion-index";

/**
 * The controllers that remember what steps have made: one for Jobs, one for Pods.
 *
 * @param settings - see there
 */
export function memoRecorders(settings: RecordSettings): readonly Controller[] {
  const { jobs, pods, steps } = settings;
  const isDue = (object: KubeObject | undefined): object is KubeObject => {
    const known = object && memoKeyOf(object);
    return known !== undefined && known.word === undefined;
  };
  const keysIf = (now: KubeObject | undefined) => (isDue(now) ? [keyOf(now)] : []);
  return [
    {
      name: "job-memo",
      watches: [
        watchOf(jobs, keysIf),
        // Of its Pods, what they have pushed.
        watchOf(pods, () => []),
      ],
      reconcile: (key) => recordStep(settings, steps.job(key)),
    },
    {
      name: "pod-memo",
      watches: [watchOf(pods, keysIf), watchOf(jobs, () => [])],
      reconcile: (key) => recordStep(settings, steps.pod(key)),
    },
  ];
}

async function recordStep(
  settings: RecordSettings,
  step: WorkflowStep | undefined,
): Promise<number | undefined> {
  const known = step && memoKeyOf(step.object);
  if (known === undefined || known.word !== undefined || step?.state !== "succeeded") return undefined;
  const { client, log, publish } = settings;
  const isLate = client.now() - endedAt(step, client.now()) >= longestTriesMs;
  const result = await recordOf(settings, step, known.key).catch((error: unknown): RecordResult => {
    if (!isLate) throw error;
    // Steps that are equal wait until it is known what became of it.
    return { kind: "later", because: sentenceOf(error) };
  });
  if (result.kind === "later" && !isLate) return againMs;
  const { word, note }: { word: Word; note?: EventNote } =
    result.kind === "later" ? { word: "refused", note: notRemembered(result.because) } : result;
  try {
    await markRecorded(client, step, known.key, word);
  } catch (error) {
    if (!isStatus(error, 404, 409)) throw error;
    return undefined;
  }
  if (note) publish(step.object, note);
  log.info({ step: step.name, namespace: step.namespace, key: known.key, word }, note?.note);
  return undefined;
}

type RecordResult =
  | { readonly kind: "done"; readonly word: Word; readonly note?: EventNote }
  | { readonly kind: "later"; readonly because: string };

async function recordOf(settings: RecordSettings, step: WorkflowStep, key: string): Promise<RecordResult> {
  const refused = (because: string): RecordResult => ({
    ...{ kind: "done", word: "refused" },
    note: notRemembered(because),
  });
  const keys = await keysOf(settings, step);
  if (keys.kind === "changed") return refused("it was replaced");
  if (keys.kind === "unknown") return { kind: "later", because: keys.because };
  if (keys.kind === "refused") return refused(keys.reasons.join(" "));
  const { keyed } = keys;
  if (keyed.key !== key)
    return refused("the step, or what an image's tag stands for, has changed since it was started");
  const pods = step.isPod ? [step.object as StepPod] : settings.steps.podsOfJob(step.uid);
  const statuses = pods.flatMap(({ status }) => [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]);
  const other = whatElseRan(keyed.containers, keyed.images, statuses);
  // Its Pods may not have been seen yet.
  if (statuses.length === 0) return { kind: "later", because: "its Pods are gone" };
  if (other !== undefined) return refused(other);
  if (pods.some(({ status }) => status?.ephemeralContainerStatuses?.length))
    return refused("a container was added to its Pod while it ran, as kubectl debug does");
  return recordUnits(settings, step, keyed, pods);
}

async function recordUnits(
  settings: RecordSettings,
  step: WorkflowStep,
  keyed: Keyed,
  pods: readonly StepPod[],
): Promise<RecordResult> {
  const notes: EventNote[] = [];
  const taken = indexesIn(keyed.taken, keyed.units.length);
  const due = keyed.units.filter(({ index }) => index === undefined || !taken.has(index));
  const made = due.flatMap((unit) => {
    const pod = pods.find((one) => hasMade(one, unit));
    const digest = pod && pushesOf(pod).at(-1)?.digest;
    return pod && digest ? [{ unit, pod, digest }] : [];
  });
  if (made.length < due.length)
    return { kind: "later", because: "the Pod that pushed its output is gone, or does not say what it is" };
  // All of them first: beyond some hundred keys everything is forgotten, and with it what was just written.
  if (settings.modeOf(step) === "refresh")
    await settings.memos.forget(cacheKeyOf(step), ...made.map(({ unit }) => unit.key.key));
  for (const { unit, pod, digest } of made) {
    const note = await recordUnit(settings, step, unit, pod, digest);
    if (note) notes.push(note);
  }
  const [note] = notes;
  return note ? { kind: "done", word: "different", note } : { kind: "done", word: "written" };
}

/** Pods that ran in vain say nothing of a push, or have failed. */
function hasMade({ metadata, status }: StepPod, { index }: MemoUnit): boolean {
  if (status?.phase !== "Succeeded") return false;
  return index === undefined || metadata?.labels?.[completionIndexLabel] === `${index}`;
}

function cacheKeyOf({ namespace, plan }: WorkflowStep): string {
  return `${namespace}/${plan.output && cacheOf(plan.output)}`;
}

/** @returns what is to be told where another result was remembered */
async function recordUnit(
  { memos, modeOf }: RecordSettings,
  step: WorkflowStep,
  { key, output }: MemoUnit,
  pod: StepPod,
  digest: string,
): Promise<EventNote | undefined> {
  const cache = cacheKeyOf(step);
  const { name = "", uid = "" } = step.object.metadata ?? {};
  const entry: NewMemoEntry = {
    ...{ key: key.key, parts: key.text, tag: output.tag },
    output: { repository: output.repository, digest },
    by: { kind: step.isPod ? "Pod" : "Job", name, uid, pod: pod.metadata?.name },
  };
  if (modeOf(step) === "verify") {
    const found = await memos.find(cache, key.key);
    if (found.kind === "unknown") throw new Error(found.because);
    if (found.kind === "hit" && found.entry.output.digest !== digest) {
      await memos.forget(cache, key.key);
      return mismatch(key.key, found.entry, digest);
    }
    if (found.kind === "hit") return undefined;
  }
  await memos.write(cache, entry);
  return undefined;
}

function mismatch(key: string, { output, by, at }: MemoEntry, digest: string): EventNote {
  const note = `Made ${digest}, and ${by.kind} ${by.name} made ${output.digest} at ${at}, with the same key ${shortKey(key)}. The new one stays, neither is remembered.`;
  return { type: "Warning", reason: "MemoMismatch", action: "Compare", note };
}

function notRemembered(because: string): EventNote {
  return {
    ...{ type: "Warning", reason: "NotRemembered", action: "Remember" },
    note: `Its result is not remembered: ${because}.`,
  };
}

function endedAt({ isPod, object }: WorkflowStep, now: number): number {
  const complete = (object as StepJob).status?.conditions?.find(({ type }) => type === "Complete");
  const finished = ((object as StepPod).status?.containerStatuses ?? []).map(
    ({ state }) => state?.terminated?.finishedAt,
  );
  const times = (isPod ? finished : [complete?.lastTransitionTime]).flatMap((at) =>
    at ? [new Date(at)] : [],
  );
  return times.length > 0 ? Math.max(...times.map((at) => at.getTime())) : now;
}
