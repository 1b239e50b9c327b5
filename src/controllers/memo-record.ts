import { type Controller, watchOf } from "../kube/controller.ts";
import { isStatus, sentenceOf } from "../kube/errors.ts";
import type { EventNote } from "../kube/events.ts";
import { type KubeObject, keyOf } from "../kube/objects.ts";
import { whatElseRan } from "../memo/ran.ts";
import { memoKeyOf } from "./memo-flights.ts";
import { keysOf } from "./memo-keys.ts";
import { type RecordResult, type RecordSettings, recordUnits, type Word } from "./memo-record-units.ts";
import { markRecorded } from "./memo-writes.ts";
import type { StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowStep } from "./workflow-steps.ts";

/** A Pod's status may come later than that of its Job, and a registry may be away. */
const longestTriesMs = 10 * 60_000;
const againMs = 2_000;

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
