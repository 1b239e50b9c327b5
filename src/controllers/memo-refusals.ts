import type { EventNote } from "../kube/events.ts";
import { controllerOf } from "../kube/objects.ts";
import { cacheOf } from "../workflow/step.ts";
import type { WorkflowStep } from "./workflow-steps.ts";

/** From here on a Job that is no Indexed Job can be ended by its status (kubernetes#125510). */
const minorThatEndsJobs = 31;

/**
 * Why a step is not memoized, whatever it runs.
 *
 * @param minor - of the cluster
 * @param step - that could be opened
 * @param pins - what its inputs are
 * @returns a sentence, or undefined
 */
export function whyNot(minor: number, step: WorkflowStep, pins: readonly string[]): string | undefined {
  const { plan, isPod, object } = step;
  if (plan.output === undefined) return "It has no output-uri.";
  if (cacheOf(plan.output) === undefined) return "Its output is not in the registry of an OrasCache.";
  const other = plan.inputs.find((_, i) => !pins[i]?.startsWith("sha256:"));
  if (other) return `The operator may not ask the registry of its input ${other.written}.`;
  if (isPod && controllerOf(object)) return "Its Pods are held one by one; annotate the Job itself.";
  if (!isPod && minor < minorThatEndsJobs)
    return `Kubernetes 1.${minor} does not let a Job end without a Pod; 1.${minorThatEndsJobs} does.`;
  return undefined;
}

/**
 * That a step is not memoized. Its author may have asked for it; where the cache does, it is no fault of theirs.
 *
 * @param step - that runs
 * @param reasons - sentences
 */
export function refusalOf({ plan }: WorkflowStep, reasons: readonly string[]): EventNote {
  const type = plan.memo.mode === undefined ? "Normal" : "Warning";
  const note = `Runs, and its result is not remembered. ${reasons.join(" ")}`;
  return { type, reason: "NotMemoizable", action: "Memoize", note };
}

/**
 * The same of a step that has still to start, and can be corrected until then.
 *
 * @param reasons - sentences
 */
export function foreseenOf(reasons: readonly string[]): EventNote {
  const note = `Waits, and as it is its result is not going to be remembered. ${reasons.join(" ")} Delete it and create it again with that.`;
  return { type: "Warning", reason: "NotMemoizable", action: "Memoize", note };
}
