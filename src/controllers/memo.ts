import type { Logger } from "pino";
import type { MemoMode } from "../annotations/settings.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import type { KubeClient } from "../kube/client.ts";
import type { EventNote } from "../kube/events.ts";
import { forgetOldest } from "../kube/forget.ts";
import { controllerOf, type KubeObject } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { decideMemo } from "../memo/decide.ts";
import type { Memos } from "../memo/memos.ts";
import { missSentence } from "../memo/told.ts";
import { type Artifact, cacheOf } from "../workflow/step.ts";
import { hourMs } from "./gate-told.ts";
import { tellCondition } from "./gate-writes.ts";
import { createFlights, type Flights } from "./memo-flights.ts";
import { type Keyed, type KeysSettings, keysOf } from "./memo-keys.ts";
import { type Found, findAll, finishTaken, type Taken, take } from "./memo-take.ts";
import { memoizedReason, type StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowStep, WorkflowSteps } from "./workflow-steps.ts";

type Mirror<T extends KubeObject> = Pick<Reflector<T>, "store" | "subscribe" | "synced">;

/** What memoizing steps needs. */
export interface MemoSettings extends KeysSettings {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly memos: Memos;
  readonly caches: { readonly store: Pick<ReadonlyMap<string, StoredOrasCache>, "get"> };
  readonly jobs: Mirror<StepJob>;
  readonly pods: Mirror<StepPod>;
  readonly steps: WorkflowSteps;
  /** Of the cluster. */
  readonly minor: number;
  /** How long this replica leads at least, in milliseconds. */
  readonly leftMs: () => number;
}

/** What is to be done with a step whose gate would open. */
export type MemoOutcome =
  /** It runs. With a key, its result is remembered. */
  | { readonly kind: "open"; readonly key?: string }
  /** It is looked at again. */
  | { readonly kind: "held"; readonly againInMs: number }
  /** It has its result. */
  | { readonly kind: "ended" };

/** Decides about steps whose gates would open. */
export interface MemoGate {
  readonly look: (
    step: WorkflowStep,
    pins: readonly string[],
    tell: (note: EventNote) => void,
  ) => Promise<MemoOutcome>;
  /** A step that was to be opened with a key was not. */
  readonly release: (step: WorkflowStep, key: string) => void;
  /** What is left to write of a step that was ended. */
  readonly finish: (step: WorkflowStep) => Promise<undefined>;
  readonly modeOf: (step: WorkflowStep) => MemoMode;
  readonly onWake: Flights["onWake"];
}

/** From here on a Job that is no Indexed Job can be ended by its status (kubernetes#125510). */
const minorThatEndsJobs = 31;
const soonMs = 1_000;
const unknownAgainMs = 5_000;
const longestUnknownMs = 60_000;
const mostRemembered = 20_000;

/**
 * Makes what decides whether steps run.
 *
 * @param settings - see there
 */
export function createMemoGate(settings: MemoSettings): MemoGate {
  const { client, caches, jobs, pods, steps } = settings;
  const modeOf = ({ namespace, plan }: WorkflowStep): MemoMode => {
    const cache = plan.output && cacheOf(plan.output);
    if (plan.memo.mode !== undefined) return plan.memo.mode;
    return caches.store.get(`${namespace}/${cache}`)?.spec.workflow?.memoize ?? "off";
  };
  const flights = createFlights({ jobs, pods, steps, modeOf, now: client.now });
  const unknownSince = new Map<string, number>();
  const sinceOf = (uid: string) => {
    const since = unknownSince.get(uid) ?? client.now();
    unknownSince.set(uid, since);
    forgetOldest(unknownSince, mostRemembered);
    return since;
  };

  const look: MemoGate["look"] = async (step, pins, tell) => {
    const mode = modeOf(step);
    if (mode === "off") return { kind: "open" };
    const refuse = (reasons: readonly string[]): MemoOutcome => {
      tell(refusalOf(step, reasons));
      return { kind: "open" };
    };
    const reason = whyNot(settings, step, pins);
    if (reason !== undefined) return refuse([reason]);
    if (step.gate === "author" && !step.isPod) return { kind: "held", againInMs: hourMs };
    const keys = await keysOf(settings, step, pins);
    switch (keys.kind) {
      case "keyed":
        return decide(step, keys.keyed, mode, tell);
      case "changed":
        return { kind: "held", againInMs: soonMs };
      case "refused":
        return refuse(keys.reasons);
      default:
        if (client.now() - sinceOf(step.uid) < longestUnknownMs)
          return { kind: "held", againInMs: unknownAgainMs };
        return refuse([`${keys.because}.`]);
    }
  };

  /** What cannot be taken for a minute is made: its registry may take no writes, or have more of it than can be written in time. */
  const takeInTime = async (about: Parameters<typeof take>[1]): Promise<Taken> => {
    const taken = await take(settings, about);
    const { uid } = about.step;
    if (taken.kind === "held" && client.now() - sinceOf(uid) >= longestUnknownMs)
      return { kind: "run", because: taken.because };
    if (taken.kind === "ended") unknownSince.delete(uid);
    return taken;
  };

  const decide = async (
    step: WorkflowStep,
    keyed: Keyed,
    mode: MemoMode,
    tell: (note: EventNote) => void,
  ): Promise<MemoOutcome> => {
    const { key } = keyed;
    const cache = `${step.namespace}/${cacheOf(step.plan.output as Artifact)}`;
    const facts = (found: Found | undefined) => ({
      ...{ mode, now: client.now(), found: found?.whole, flights: flights.of(step, key) },
      unknownSince: found?.whole.kind === "unknown" ? sinceOf(step.uid) : client.now(),
    });
    let found: Found | undefined;
    let decision = decideMemo(facts(found));
    if (decision.kind === "ask") {
      found = await findAll(settings.memos, cache, keyed, step.plan.memo.maxAgeSeconds);
      decision = decideMemo(facts(found));
    }
    if (decision.kind === "join") {
      flights.join(step, key);
      await tellJoined(client, step, decision.flight.name, tell);
      return { kind: "held", againInMs: Math.min(decision.againInMs, hourMs) };
    }
    if (decision.kind === "wait") return { kind: "held", againInMs: decision.againInMs };
    if (decision.kind === "hit" && found) {
      const taken = await takeInTime({ step, cache, keyed, entries: found.entries, tell });
      if (taken.kind !== "run") return taken;
      // Meanwhile another one may have been opened.
      decision = { kind: "run", because: taken.because };
    }
    unknownSince.delete(step.uid);
    flights.reserve(step, key);
    if (mode === "on" && decision.kind === "run")
      await tellMiss(settings, cache, keyed, decision.because, tell);
    return { kind: "open", key };
  };

  return {
    ...{ look, modeOf, onWake: flights.onWake, release: flights.release },
    finish: async (step) => {
      if (isMemoized(step)) await finishTaken(client, step);
      return undefined;
    },
  };
}

/** Its author may have asked for it; where the cache does, it is no fault of theirs. */
function refusalOf({ plan }: WorkflowStep, reasons: readonly string[]): EventNote {
  const type = plan.memo.mode === undefined ? "Normal" : "Warning";
  const note = `Runs, and its result is not remembered. ${reasons.join(" ")}`;
  return { type, reason: "NotMemoizable", action: "Memoize", note };
}

/** Why a step is not memoized, whatever it runs. */
function whyNot({ minor }: MemoSettings, step: WorkflowStep, pins: readonly string[]): string | undefined {
  const { plan, isPod, object } = step;
  if (plan.output === undefined) return "It has no output-uri.";
  if (cacheOf(plan.output) === undefined) return "Its output is not in the registry of an OrasCache.";
  const other = plan.inputs.find((_, i) => !pins[i]?.startsWith("sha256:"));
  if (other) return `Its input ${other.written} is not in the registry of an OrasCache.`;
  if (isPod && controllerOf(object)) return "Its Pods are held one by one; annotate the Job itself.";
  if (!isPod && minor < minorThatEndsJobs)
    return `Kubernetes 1.${minor} does not let a Job end without a Pod; 1.${minorThatEndsJobs} does.`;
  return undefined;
}

async function tellJoined(
  client: KubeClient,
  step: WorkflowStep,
  other: string,
  tell: (note: EventNote) => void,
): Promise<void> {
  const message = `All inputs are there; waits for ${other}, which does the same work, to take its result.`;
  const conditions = (step.object as StepJob).status?.conditions ?? [];
  if (conditions.some((condition) => condition.message === message)) return;
  await tellCondition(client, step, { status: "False", reason: "Coalesced", message }, client.now());
  tell({ type: "Normal", reason: "Coalesced", action: "Wait", note: message });
}

async function tellMiss(
  { memos }: MemoSettings,
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

/** Whether a step was ended with the result of another one. */
export function isMemoized({ object }: WorkflowStep): boolean {
  const { status } = object as StepJob & StepPod;
  if (status?.reason === memoizedReason) return true;
  const conditions = (object as StepJob).status?.conditions ?? [];
  return conditions.some(({ type, reason }) => type === "SuccessCriteriaMet" && reason === memoizedReason);
}
