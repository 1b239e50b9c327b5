import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { nobodyMakesIt } from "../../common/nobody-makes-it.ts";
import { isHeld } from "../../workflow/step.ts";
import type { Before, Facts } from "./facts.ts";
import { type Finding, withFix } from "./finding.ts";

const saysWhatFor: ReadonlySet<string> = new Set([
  ...["WaitingForInputs", "InputNeverCame", "InputProducerFailed"],
]);

/** Whether a step is held until its inputs are there. One that has ended was not started: it never came to that. */
export function waitsForInputs({ metadata, status }: V1Job | V1Pod): boolean {
  const { phase = "Pending" } = (status ?? {}) as V1Pod["status"] & object;
  return isHeld(metadata?.labels) && phase === "Pending";
}

/**
 * What a step that is held waits for, as the operator has said it, what holds that in the end, and what to do about it.
 *
 * @param step - a Job or a Pod that waits
 * @param facts - what was read
 */
export function inputsOf(
  step: V1Job | V1Pod,
  { events, before }: Pick<Facts, "events" | "before">,
): readonly Finding[] {
  const conditions: readonly { readonly type: string; readonly message?: string }[] =
    step.status?.conditions ?? [];
  const told = conditions.find(({ type }) => type === names.inputsAvailable)?.message;
  const own = events.filter(({ about }) => about.endsWith(`/${step.metadata?.name}`));
  const circle = own.find(({ reason }) => reason === "InputCycle");
  // Where somebody else writes the status, only Events say it.
  const event = own.find(({ reason }) => saysWhatFor.has(reason))?.note;
  const text = told ?? event;
  const waits: Finding = {
    level: "waits",
    text: text ?? "It waits for its inputs; the operator has not said yet for which.",
  };
  const noCache: Finding[] =
    before?.noCache === undefined
      ? []
      : [{ level: "bad", text: sentenceOf(before.noCache, text), ...withFix("CacheNotFound") }];
  if (circle !== undefined || before?.isInCycle)
    return [...noCache, { level: "bad", text: circle?.note ?? inCircle, ...withFix("InputCycle") }, waits];
  const held = heldBy(before);
  // One cure is enough: that of what is in the way.
  if (held !== undefined) return [...noCache, held, waits];
  return noCache.length > 0 ? [...noCache, waits] : [{ ...waits, ...cureOf(text, before) }];
}

const inCircle = "Steps wait for each other, so that none of them starts.";

/** What the graph has before what the step itself says. */
function sentenceOf(noCache: string, told: string | undefined): string {
  return told === undefined ? noCache : noCache.replace(` ${told}`, "");
}

const byHand = 'Or set wait-for-inputs to "false" on this step, to start it with what is there.';

function heldBy(before: Before | undefined): Finding | undefined {
  const { heldBy: holder, failedBetween = [] } = before ?? {};
  if (holder === undefined) return undefined;
  const { step, why, text } = holder;
  const see = `kubectl oras-cache why ${step}`;
  if (why !== "failed") return { level: "waits", text, todo: `${see} says what to do there. ${byHand}` };
  const rerun = `kubectl oras-cache rerun ${step}${failedBetween.length > 0 ? " --downstream" : ""}`;
  return {
    level: "bad",
    text,
    todo: `${see} says why, and what to correct. Then run it again: ${rerun}. This step goes on by itself. ${byHand}`,
  };
}

/** What to do about a step that nothing holds but what its own sentence says. */
function cureOf(told: string | undefined, before: Before | undefined): { readonly todo?: string } {
  const text = told ?? "";
  if (/\bwas to (?:make|push)\b/.test(text)) return withFix("InputProducerFailed");
  if (text.includes(nobodyMakesIt))
    return {
      todo: `Push it, such as with kubectl oras-cache put, create the step that makes it, or correct input-uri. ${byHand}`,
    };
  if (text.includes("of its batch"))
    // Where steps of it are lost the sentence says what to do.
    return text.includes("again, without batch")
      ? {}
      : { todo: "Create the steps of its batch that are missing, or this one again with another batch." };
  if (text.startsWith("All inputs are there")) return { todo: "Nothing: it starts by itself." };
  const [maker] = before?.makers ?? [];
  if (maker === undefined) return withFix("WaitingForInputs");
  return {
    todo: `Nothing: it starts by itself when its inputs are there. kubectl oras-cache why ${maker} says how far that is. ${byHand}`,
  };
}
