import { names } from "../../schema/names.ts";
import { quoted } from "../annotations/problems.ts";
import type { Outcome } from "./memos.ts";
import { shortKey } from "./short-key.ts";
import { type ForgetAnswer, type MemoState, withoutAny, withoutKeys } from "./state.ts";

/** A step whose results are to be forgotten. */
export interface NamedStep {
  readonly kind: "Job" | "Pod";
  readonly name: string;
}

/** What the annotation forget of an OrasCache asks for. */
export type Wanted =
  | { readonly kind: "all" }
  | { readonly kind: "steps"; readonly steps: readonly NamedStep[] }
  | { readonly kind: "wrong"; readonly because: string };

/** Of the annotation: about a hundred steps. */
export const longestRequest = 4096;
/** Several people may ask, and each looks for the answer now and then. */
const mostAnswers = 5;
const longestMessage = 1000;
const mostNamed = 10;
const form = /^(job|pod)\/([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)$/;

/** As the annotation has it, and the command takes it. */
export function idOfStep({ kind, name }: NamedStep): string {
  return `${kind.toLowerCase()}/${name}`;
}

/**
 * Reads a step as people write it.
 *
 * @param text - `job/NAME` or `pod/NAME`
 */
export function readStep(text: string): NamedStep | undefined {
  const [, kind, name] = form.exec(text) ?? [];
  return name === undefined ? undefined : { kind: kind === "job" ? "Job" : "Pod", name };
}

/**
 * Reads the annotation.
 *
 * @param value - such as `all 2026-11-27T14:00:00Z` or `job/a,pod/b again`: what follows the blank makes it another request
 */
export function readForget(value: string): Wanted {
  const [what = "", ...more] = value.trim().split(/\s+/);
  if (value.length > longestRequest) return wrong(`the value has ${value.length} characters`);
  if (more.length > 1) return wrong("there are more than two words");
  if (what === "all") return { kind: "all" };
  const named = what.split(",");
  const steps = named.flatMap((text) => readStep(text) ?? []);
  const other = named.find((text) => readStep(text) === undefined);
  return other === undefined ? { kind: "steps", steps } : wrong(`${quoted(other)} is no step`);
}

/**
 * Writes it.
 *
 * @param steps - none for all
 * @param id - that no other request has
 */
export function writeForget(steps: readonly NamedStep[], id: string): string {
  return `${steps.length === 0 ? "all" : steps.map(idOfStep).join(",")} ${id}`;
}

function wrong(because: string): Wanted {
  const allowed = `allowed are all, or steps as job/NAME or pod/NAME with commas between them, then a blank and any word that makes it another request, such as the time; up to ${longestRequest} characters`;
  return { kind: "wrong", because: `annotation ${names.forgetAnnotation}: ${because}; ${allowed}` };
}

/**
 * The state once a request is carried out, with the answer to it.
 *
 * @param state - before
 * @param request - the annotation's value
 * @param outcome - see there
 */
export function answered(state: MemoState | undefined, request: string, outcome: Outcome): MemoState {
  const after = forgetting(state, outcome);
  const isMore = outcome.kind === "keys" && after.forgottenBefore !== state?.forgottenBefore;
  // However many steps it names, that more has gone is never cut off.
  const more = isMore ? ` ${oldestForgotten(after)}` : "";
  const message = `${cut(sentenceOf(outcome), longestMessage - more.length)}${more}`;
  const answer = { request: request.slice(0, longestRequest), done: outcome.kind !== "refused", message };
  return { ...after, answers: [answer, ...(state?.answers ?? [])].slice(0, mostAnswers) };
}

/** Whether a request was the last that was answered. A value may come again after another one: then it is asked for again. */
export function isAnswered(state: MemoState | undefined, request: string): boolean {
  return state?.answers?.[0]?.request === request.slice(0, longestRequest);
}

/** What became of a request, if it is one of the last. */
export function answerTo(state: MemoState | undefined, request: string): ForgetAnswer | undefined {
  return state?.answers?.find((answer) => answer.request === request);
}

function forgetting(state: MemoState | undefined, outcome: Outcome): MemoState {
  if (outcome.kind === "all") return withoutAny(state);
  if (outcome.kind === "refused") return { ...state, epoch: state?.epoch ?? 0 };
  return withoutKeys(
    state,
    outcome.steps.flatMap(({ keys }) => keys),
  );
}

/**
 * That more was forgotten than anybody has asked for, in sentences.
 *
 * @param state - once its list was too long
 */
export function oldestForgotten({ epoch, forgottenBefore = 0 }: MemoState): string {
  return `The list of forgotten results in the status was full: what was remembered before the last ${epoch - forgottenBefore + 1} of ${epoch} times that results were forgotten, and not taken for long, is forgotten, too. Equal steps run once more.`;
}

function sentenceOf(outcome: Outcome): string {
  if (outcome.kind === "refused") return `Nothing was forgotten: ${outcome.because}.`;
  if (outcome.kind === "all") return "Forgot all results of the OrasCache.";
  const { steps } = outcome;
  const told = steps.slice(0, mostNamed).map(({ id, keys: [key, ...others] }) => {
    if (key === undefined) return `${id} (which has none yet)`;
    return others.length === 0 ? `${id} (key ${shortKey(key)})` : `${id} (${others.length + 1} keys)`;
  });
  const more = steps.length > mostNamed ? `, and of ${steps.length - mostNamed} more` : "";
  return `Forgot the results of ${told.join(", ")}${more}.`;
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}
