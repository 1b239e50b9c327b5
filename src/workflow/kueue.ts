import { names } from "../../schema/names.ts";

type Map = Readonly<Record<string, string>> | undefined;

/**
 * Whether a Job or Pod is for a queue of Kueue, which suspends it until it has quota.
 *
 * @param labels - of the object
 */
export function isQueued(labels: Map): boolean {
  return Boolean(labels?.[names.kueueQueueLabel]);
}

/**
 * By which Kueue gives a step no quota as long as its inputs are not there, added to what stands there of others.
 *
 * @param annotations - of the object
 */
export function withKueueGate(annotations: Map): Record<string, string> {
  const gates = gatesIn(annotations);
  const all = gates.includes(names.inputsGate) ? gates : [...gates, names.inputsGate];
  return { [names.kueueGatesAnnotation]: all.join(",") };
}

/**
 * The same when the inputs are there: what others wrote stays.
 *
 * @param annotations - of the object
 * @returns the annotation to write, null to remove it; nothing where it does not have that gate
 */
export function withoutKueueGate(annotations: Map): Record<string, string | null> {
  const gates = gatesIn(annotations);
  if (!gates.includes(names.inputsGate)) return {};
  const others = gates.filter((name) => name !== names.inputsGate);
  return { [names.kueueGatesAnnotation]: others.length > 0 ? others.join(",") : null };
}

/** Whether Kueue waits for the inputs of a step. */
export function hasKueueGate(annotations: Map): boolean {
  return gatesIn(annotations).includes(names.inputsGate);
}

/** Names of what Kueue waits for, as it reads them: with spaces around them. */
function gatesIn(annotations: Map): string[] {
  const written = (annotations?.[names.kueueGatesAnnotation] ?? "").split(",");
  return written.map((name) => name.trim()).filter((name) => name !== "");
}
