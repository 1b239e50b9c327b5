import type { MemoMode } from "../annotations/settings.ts";
import type { EventNote } from "../kube/events.ts";
import { cacheOf } from "../workflow/step.ts";
import { hourMs } from "./gate-told.ts";
import { createDecider, createUnknowns } from "./memo-decide.ts";
import { createFlights, type Flights } from "./memo-flights.ts";
import { keysOf, unresolvedOf } from "./memo-keys.ts";
import { foreseenOf, refusalOf, whyNot } from "./memo-refusals.ts";
import type { MemoOutcome, MemoSettings } from "./memo-settings.ts";
import { finishTaken } from "./memo-take.ts";
import { memoizedReason, type StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowStep } from "./workflow-steps.ts";

/** Decides about steps whose gates would open. */
export interface MemoGate {
  readonly look: (
    step: WorkflowStep,
    pins: readonly string[],
    tell: (note: EventNote) => void,
  ) => Promise<MemoOutcome>;
  /**
   * Says of a step that waits, and whose author asks for memoization, where an image keeps it from that: when it starts, it is too late
   * to correct it. What cannot be known now is looked at then.
   */
  readonly foresee: (step: WorkflowStep, tell: (note: EventNote) => void) => Promise<void>;
  /** A step that was to be opened with a key was not. */
  readonly release: (step: WorkflowStep, key: string) => void;
  /**
   * Writes what is left to write of a step that was ended with the result of another one.
   *
   * @returns whether it was such a step
   */
  readonly finish: (step: WorkflowStep) => Promise<boolean>;
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
    foresee: async (step, tell) => {
      if (!["on", "refresh", "verify"].includes(step.plan.memo.mode ?? "off")) return;
      const reasons = await unresolvedOf(settings, step).catch(() => []);
      if (reasons.length > 0) tell(foreseenOf(reasons));
    },
    finish: async (step) => isMemoized(step) && (await finishTaken(client, step)),
  };
}

/** Whether a step was ended with the result of another one. */
export function isMemoized({ object }: WorkflowStep): boolean {
  const { status } = object as StepJob & StepPod;
  if (status?.reason === memoizedReason) return true;
  const conditions = (object as StepJob).status?.conditions ?? [];
  return conditions.some(({ type, reason }) => type === "SuccessCriteriaMet" && reason === memoizedReason);
}
