import { resourceRefusal } from "../../cache/admission.ts";
import type { ShownEvent } from "./facts.ts";
import type { Finding } from "./finding.ts";

/**
 * Why a Job has no Pod, and what to do.
 *
 * @param events - of the Job, the newest first
 */
export function withoutPods(events: readonly ShownEvent[]): Finding {
  const refused = events.find(({ reason }) => reason === "FailedCreate");
  if (refused === undefined) return { level: "waits", text: "It has no Pod yet." };
  return { level: "bad", text: refused.note, todo: todos[resourceRefusal(refused.note) ?? "other"] };
}

/** Resources stand in the Job: what its author wrote, and what annotations had the operator add when it was created. */
const todos = {
  ResourcesNotSet:
    "Set what the message names in resources of your own containers: the operator's get a value of CPU and memory where all of yours have one, or that of annotations such as limits-memory. Then create the Job again.",
  QuotaExceeded:
    "Free resources, or have the quota raised: the Job tries again by itself. Or ask for less and create it again; annotations such as requests-memory are about each container of the operator.",
  LimitRangeViolation:
    "Look at kubectl describe limitrange. Keep within its bounds: with annotations such as requests-memory and limits-memory for the operator's containers, with resources for your own. Then create the Job again.",
  other: "Correct what the message names; the Job tries again by itself.",
} as const;
