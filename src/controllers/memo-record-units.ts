import type { Logger } from "pino";
import { indexesIn } from "../common/indexes.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import type { MemoEntry, NewMemoEntry } from "../memo/memos.ts";
import { shortKey } from "../memo/short-key.ts";
import { cacheOf } from "../workflow/step.ts";
import { completionIndexKey } from "../workload/pod.ts";
import type { MemoGate } from "./memo.ts";
import type { recordWords } from "./memo-flights.ts";
import type { Keyed, MemoUnit } from "./memo-keys.ts";
import type { MemoSettings } from "./memo-settings.ts";
import { pushesOf } from "./outcomes.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowStep } from "./workflow-steps.ts";

/** What writing what steps have made needs. */
export interface RecordSettings extends MemoSettings {
  readonly log: Logger;
  readonly publish: EventRecorder;
  readonly modeOf: MemoGate["modeOf"];
}

/** What has become of what a step made. */
export type Word = (typeof recordWords)[number];

/** The same, or why it is not known yet: a sentence without a full stop. */
export type RecordResult =
  | { readonly kind: "done"; readonly word: Word; readonly note?: EventNote }
  | { readonly kind: "later"; readonly because: string };

/**
 * Remembers what the Pods of a step have made, each for itself; not what some of its indexes have taken.
 *
 * @param settings - see there
 * @param step - that has succeeded
 * @param keyed - its keys
 * @param pods - of all of its attempts
 * @throws what was not written
 */
export async function recordUnits(
  settings: RecordSettings,
  step: WorkflowStep,
  keyed: Keyed,
  pods: readonly StepPod[],
): Promise<RecordResult> {
  const compared: Compared[] = [];
  const taken = indexesIn(keyed.taken, keyed.units.length);
  const due = keyed.units.filter(({ index }) => index === undefined || !taken.has(index));
  const made = due.flatMap((unit) => {
    const pod = pods.find((one) => hasMade(one, unit));
    const digest = pod && pushesOf(pod).at(-1)?.digest;
    return pod && digest ? [{ unit, pod, digest }] : [];
  });
  if (made.length < due.length)
    return { kind: "later", because: "the Pod that pushed its output is gone, or does not say what it is" };
  // All of them first: an entry counts by when it was written.
  if (settings.modeOf(step) === "refresh")
    await settings.memos.forget(cacheKeyOf(step), ...made.map(({ unit }) => unit.key.key));
  for (const { unit, pod, digest } of made)
    compared.push(await recordUnit(settings, step, unit, pod, digest));
  const different = compared.find(({ kind }) => kind === "different");
  const note = settings.modeOf(step) === "verify" ? comparedNote(keyed.key, compared) : undefined;
  return { kind: "done", word: different ? "different" : "written", ...(note && { note }) };
}

/** What one unit has made beside what was remembered for it. */
interface Compared {
  /** `none`: there was nothing to compare with. */
  readonly kind: "different" | "equal" | "none";
  readonly digest: string;
  /** What was remembered. */
  readonly entry?: MemoEntry;
}

/** Pods that ran in vain say nothing of a push, or have failed. */
function hasMade({ metadata, status }: StepPod, { index }: MemoUnit): boolean {
  if (status?.phase !== "Succeeded") return false;
  return index === undefined || metadata?.labels?.[completionIndexKey] === `${index}`;
}

function cacheKeyOf({ namespace, plan }: WorkflowStep): string {
  return `${namespace}/${plan.output && cacheOf(plan.output)}`;
}

/** @returns what it was compared with, of a step that is to be verified */
async function recordUnit(
  { memos, modeOf }: RecordSettings,
  step: WorkflowStep,
  { key, output }: MemoUnit,
  pod: StepPod,
  digest: string,
): Promise<Compared> {
  const cache = cacheKeyOf(step);
  const { name = "", uid = "" } = step.object.metadata ?? {};
  const entry: NewMemoEntry = {
    ...{ key: key.key, parts: key.text, tag: output.tag, written: output.written },
    output: { repository: output.repository, digest },
    by: {
      ...{ kind: step.isPod ? "Pod" : "Job", name, uid, pod: pod.metadata?.name },
      ...(step.plan.run && { run: step.plan.run.name }),
    },
  };
  if (modeOf(step) === "verify") {
    const found = await memos.find(cache, key.key);
    if (found.kind === "unknown") throw new Error(found.because);
    if (found.kind === "hit") {
      const { entry: known } = found;
      // What an earlier try of this has written is nothing to compare with.
      if (known.output.digest === digest)
        return known.by.uid === uid ? { kind: "none", digest } : { kind: "equal", digest, entry: known };
      await memos.forget(cache, key.key);
      return { kind: "different", digest, entry: known };
    }
  }
  await memos.write(cache, entry);
  return { kind: "none", digest };
}

/** What a step with `memoize: verify` is told: of one of its indexes with another result, else of all. */
function comparedNote(key: string, compared: readonly Compared[]): EventNote | undefined {
  const different = compared.find(({ kind }) => kind === "different");
  if (different?.entry) return mismatch(different.entry, different.digest);
  const [first, ...others] = compared.filter(({ kind }) => kind === "equal");
  const remembered = "What it made is remembered now";
  const action = "Compare";
  if (first?.entry === undefined) {
    if (compared.length === 0) return undefined;
    const note = `There was no result with the key ${shortKey(key)} to compare with. ${remembered}.`;
    return { type: "Normal", reason: "NothingToCompare", action, note };
  }
  const { by, at } = first.entry;
  const rest = compared.length - others.length - 1;
  const more = others.length > 0 ? ` So did ${others.length} more of its indexes.` : "";
  const none = rest > 0 ? ` Of ${rest} of its indexes there was nothing to compare with. ${remembered}.` : "";
  const note = `Made ${first.digest}, as ${by.kind} ${by.name} did at ${at}, with the same key ${shortKey(first.entry.key)}.${more}${none}`;
  return { type: "Normal", reason: "MemoConfirmed", action, note };
}

function mismatch({ key, output, by, at }: MemoEntry, digest: string): EventNote {
  const note = `Made ${digest}, and ${by.kind} ${by.name} made ${output.digest} at ${at}, with the same key ${shortKey(key)}. The new one stays, neither is remembered.`;
  return { type: "Warning", reason: "MemoMismatch", action: "Compare", note };
}
