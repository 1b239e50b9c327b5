import type { Logger } from "pino";
import { names } from "../../schema/names.ts";
import { identityOf } from "../cache/owner.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import type { KubeClient } from "../kube/client.ts";
import { type Controller, watchOf } from "../kube/controller.ts";
import { isStatus, sentenceOf } from "../kube/errors.ts";
import type { EventRecorder } from "../kube/events.ts";
import { controllerOf, keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { idOfStep, isAnswered, type NamedStep, readForget } from "../memo/forget.ts";
import type { Memos, MemoTag, Outcome } from "../memo/memos.ts";
import { mostForgottenAtOnce } from "../memo/state.ts";
import { type Artifact, cacheOf, isOpen, withIndex } from "../workflow/step.ts";
import { memoKeyOf } from "./memo-flights.ts";
import { claimOf, markRecorded } from "./memo-writes.ts";
import type { StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowStep, WorkflowSteps } from "./workflow-steps.ts";

/** What forgetting results of steps needs. */
export interface ForgetSettings {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly publish: EventRecorder;
  readonly caches: Reflector<StoredOrasCache>;
  readonly jobs: Reflector<StepJob>;
  readonly pods: Reflector<StepPod>;
  readonly steps: Pick<WorkflowSteps, "job" | "pod">;
  readonly memos: Pick<Memos, "answer" | "latestKeys">;
}

/** As many as have keys. */
const mostIndexes = 1_000;

/**
 * Answers the annotation forget of OrasCaches. The answer stands in the status with what was forgotten, so each request is carried
 * out once, whoever leads.
 *
 * @param settings - see there
 */
export function forgetController(settings: ForgetSettings): Controller {
  const { caches, jobs, pods, memos, log, publish } = settings;
  return {
    name: "forget",
    watches: [
      watchOf(caches, (now) => (now && openRequest(now) !== undefined ? [keyOf(now)] : [])),
      // Steps are looked for by their names.
      watchOf(jobs, () => []),
      watchOf(pods, () => []),
    ],
    reconcile: async (key) => {
      const cache = caches.store.get(key);
      const request = cache && openRequest(cache);
      if (cache === undefined || request === undefined) return undefined;
      const outcome = await outcomeOf(settings, cache, request);
      for (const step of unrecorded(settings, cache, outcome)) await refuseResult(settings, step);
      const { done, message } = await memos.answer(key, request, outcome);
      log.info({ cache: key, request, done }, message);
      const reason = done ? "Forgotten" : "NotForgotten";
      publish(cache, { type: done ? "Normal" : "Warning", reason, action: "Forget", note: message });
      return undefined;
    },
  };
}

function openRequest({ metadata, status }: StoredOrasCache): string | undefined {
  const request = metadata?.annotations?.[names.forgetAnnotation];
  if (!request || metadata?.deletionTimestamp || isAnswered(status?.memo, request)) return undefined;
  return request;
}

/** The steps that run, or have just ended, of those whose results are forgotten: what they make would be remembered afterwards. */
function unrecorded(
  { steps, jobs, pods }: ForgetSettings,
  cache: StoredOrasCache,
  outcome: Outcome,
): readonly WorkflowStep[] {
  const { namespace, name } = identityOf(cache);
  if (outcome.kind === "refused") return [];
  const named = outcome.kind === "keys" ? new Set(outcome.steps.map(({ id }) => id)) : undefined;
  const isMeant = (kind: NamedStep["kind"], { metadata }: StepJob | StepPod) =>
    metadata?.namespace === namespace && (named?.has(idOfStep({ kind, name: metadata.name ?? "" })) ?? true);
  return [
    ...[...jobs.store.values()].filter((job) => isMeant("Job", job)).map((job) => steps.job(keyOf(job))),
    ...[...pods.store.values()].filter((pod) => isMeant("Pod", pod)).map((pod) => steps.pod(keyOf(pod))),
  ].flatMap((step) => {
    const output = step?.plan.output;
    return step && isUnrecorded(step) && output && cacheOf(output) === name ? [step] : [];
  });
}

function isUnrecorded({ object, state }: WorkflowStep): boolean {
  const known = memoKeyOf(object);
  return known !== undefined && known.word === undefined && state !== "failed";
}

/** Before the answer: who comes after a crash does it again. */
async function refuseResult({ client, publish }: ForgetSettings, step: WorkflowStep): Promise<void> {
  try {
    await markRecorded(client, step, memoKeyOf(step.object)?.key ?? "", "refused");
  } catch (error) {
    if (!isStatus(error, 404, 409)) throw error;
    return;
  }
  const note = "Its result is not remembered: it was to be forgotten before it was there.";
  publish(step.object, { type: "Warning", reason: "NotRemembered", action: "Remember", note });
}

async function outcomeOf(
  settings: ForgetSettings,
  cache: StoredOrasCache,
  request: string,
): Promise<Outcome> {
  const wanted = readForget(request);
  if (wanted.kind === "wrong") return { kind: "refused", because: wanted.because };
  if (wanted.kind === "all") return wanted;
  const found: { readonly id: string; readonly keys: readonly string[] }[] = [];
  const refused: string[] = [];
  for (const named of wanted.steps) {
    const keys = await keysOfStep(settings, cache, named);
    if (typeof keys === "string") refused.push(`${idOfStep(named)}: ${keys}`);
    else found.push({ id: idOfStep(named), keys });
  }
  // All or nothing: half of it would have to be found out.
  if (refused.length > 0) return { kind: "refused", because: refused.join("; ") };
  const count = new Set(found.flatMap(({ keys }) => keys)).size;
  if (count <= mostForgottenAtOnce) return { kind: "keys", steps: found };
  const because = `the steps have ${count} results, and ${mostForgottenAtOnce} can be forgotten at once: name fewer steps, or forget all results`;
  return { kind: "refused", because };
}

/** The keys of what a step has made or taken; a sentence without a full stop where there are none. */
async function keysOfStep(
  { steps, memos }: ForgetSettings,
  cache: StoredOrasCache,
  { kind, name }: NamedStep,
): Promise<readonly string[] | string> {
  const { namespace, name: cacheName } = identityOf(cache);
  const step = (kind === "Job" ? steps.job : steps.pod)(`${namespace}/${name}`);
  if (step === undefined)
    return "no such step is there; once it is deleted, only all results can be forgotten";
  const owner = step.isPod ? controllerOf(step.object) : undefined;
  if (owner !== undefined) return `it belongs to ${owner.kind} ${owner.name}, whose result it made`;
  const { output } = step.plan;
  if (output === undefined || cacheOf(output) !== cacheName)
    return `it has no output in the OrasCache ${cacheName}`;
  const known = memoKeyOf(step.object)?.key ?? claimOf(step.object)?.key;
  // Of several outputs, the key that stands on the step is made of all.
  if (known !== undefined && !isOpen(output)) return [known];
  try {
    const keys = await memos.latestKeys(`${namespace}/${cacheName}`, outputsOf(step, output));
    return keys.length > 0 || isUnrecorded(step) ? keys : "nothing is remembered of it";
  } catch (error) {
    return `it is not known what is remembered of it: ${sentenceOf(error)}`;
  }
}

/** Where it pushes: each index to its own tag, if the name of its output has the index. */
function outputsOf({ object }: WorkflowStep, output: Artifact): readonly MemoTag[] {
  const { completions = 1 } = (object as StepJob).spec ?? {};
  const count = isOpen(output) ? Math.min(completions, mostIndexes) : 1;
  return Array.from({ length: count }, (_, index) => {
    const { repository, version } = withIndex(output, index);
    return { repository, tag: version.slice(1) };
  });
}
