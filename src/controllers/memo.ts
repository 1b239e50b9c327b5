import type { Logger } from "pino";
import type { MemoMode } from "../annotations/settings.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import type { KubeClient } from "../kube/client.ts";
import type { EventNote } from "../kube/events.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import type { Memos } from "../memo/memos.ts";
import { cacheOf } from "../workflow/step.ts";
import { hourMs } from "./gate-told.ts";
import type { Held } from "./gate-writes.ts";
import { createDecider, createUnknowns } from "./memo-decide.ts";
import { createFlights, type Flights } from "./memo-flights.ts";
import { type KeysSettings, keysOf } from "./memo-keys.ts";
import { refusalOf, whyNot } from "./memo-refusals.ts";
import { finishTaken } from "./memo-take.ts";
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
  /** It runs. With a key, its result is remembered. Where some of its indexes have theirs: as it is then, and whose they are. */
  | { readonly kind: "open"; readonly key?: string; readonly held?: Held; readonly from?: string }
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

const soonMs = 1_000;
const unknownAgainMs = 5_000;

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
  const unknown = createUnknowns(client.now);
  const decide = createDecider(settings, flights, unknown);

  const look: MemoGate["look"] = async (step, pins, tell) => {
    const mode = modeOf(step);
    if (mode === "off") return { kind: "open" };
    const refuse = (reasons: readonly string[]): MemoOutcome => {
      tell(refusalOf(step, reasons));
      return { kind: "open" };
    };
    const reason = whyNot(settings.minor, step, pins);
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
        if (!unknown.isLong(step.uid)) return { kind: "held", againInMs: unknownAgainMs };
        return refuse([`${keys.because}.`]);
    }
  };

  return {
    ...{ look, modeOf, onWake: flights.onWake, release: flights.release },
    finish: async (step) => {
      if (isMemoized(step)) await finishTaken(client, step);
      return undefined;
    },
  };
}

/** Whether a step was ended with the result of another one. */
export function isMemoized({ object }: WorkflowStep): boolean {
  const { status } = object as StepJob & StepPod;
  if (status?.reason === memoizedReason) return true;
  const conditions = (object as StepJob).status?.conditions ?? [];
  return conditions.some(({ type, reason }) => type === "SuccessCriteriaMet" && reason === memoizedReason);
}
