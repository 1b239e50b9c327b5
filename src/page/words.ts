import { holderWords } from "../lineage/blocked.ts";
import { formOf } from "./form.ts";
import type { Drawing, PageNode, PageStep } from "./protocol.ts";

/** A number as people read it. */
export function counted(value: number): string {
  return value.toLocaleString("en-US");
}

/** A number of things, such as `1 step` or `3,000 steps`. */
export function plural(count: number, thing: string): string {
  return `${counted(count)} ${thing}${count === 1 ? "" : "s"}`;
}

const units = ["KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** A size as `ls` and `df` of the command line print it. */
export function sized(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[power - 1]}`;
}

/**
 * How long something took, in its two largest units.
 *
 * @param seconds - zero or more
 */
export function lasted(seconds: number): string {
  const all = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(all / 86_400), "d"],
    [Math.floor(all / 3600) % 24, "h"],
    [Math.floor(all / 60) % 60, "min"],
    [all % 60, "s"],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .flatMap(([value, unit]) => (value > 0 ? [`${value} ${unit}`] : []))
    .join(" ");
}

/**
 * How long a step has run, or ran.
 *
 * @param step - any
 * @param now - milliseconds since 1970
 * @returns undefined where it has not started
 */
export function tookOf({ startedAt, endedAt }: PageStep, now: number): string | undefined {
  if (startedAt === undefined) return undefined;
  const end = endedAt === undefined ? now : Date.parse(endedAt);
  return lasted((end - Date.parse(startedAt)) / 1000);
}

/** A moment as the clock on the wall says it; the day where it is another one. */
export function clock(at: string, now: number): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString(undefined, { hour12: false });
  if (date.toDateString() === new Date(now).toDateString()) return time;
  return `${date.toLocaleDateString(undefined, { day: "numeric", month: "short" })} ${time}`;
}

/** Enough of a digest to tell it from others. */
export function shortDigest(digest: string): string {
  return digest.slice(0, "sha256:".length + 12);
}

/** The command that shows all of the namespace. */
export function uiCommand(drawing: Pick<Drawing, "namespace"> | undefined): string {
  return `kubectl oras-cache ui${drawing ? ` -n ${drawing.namespace}` : ""}`;
}

/** Of what the page shows all: of the namespace, or of the run that it is limited to. */
export function scopeOf({ only }: Pick<Drawing, "only">): "namespace" | "run" {
  return only === undefined ? "namespace" : "run";
}

/** What a node is called. */
export function titleOf({ label, type, members }: PageNode): string {
  const name = type === "steps" ? nameOf(label) : label;
  return members.length === 1 ? name : `${name} × ${counted(members.length)}`;
}

/**
 * The parts of an artifact's name: they are cut apart where there is no room.
 *
 * @param title - as it is drawn
 */
export function partsOf(title: string): {
  readonly folder: string;
  readonly repository: string;
  readonly tag: string;
} {
  const start = title.lastIndexOf("/") + 1;
  const found = title.slice(start).search(/[:@]/);
  const end = found < 0 ? title.length : start + found;
  return { folder: title.slice(0, start), repository: title.slice(start, end), tag: title.slice(end) };
}

/** The name of a step without its kind. */
export function nameOf(id: string): string {
  return id.slice(id.indexOf("/") + 1);
}

/** What stands below the name of a step: how it is, and why. */
export function underline(step: PageStep, now: number): string {
  const { state, reason, completions, notRun, heldBy } = step;
  const done = completions
    ? `${counted(completions.succeeded)} of ${counted(completions.wanted)}`
    : undefined;
  const took = tookOf(step, now);
  if (formOf(step) === "notRun") return `not run · ${resultOf(notRun?.by)}`;
  const taken = notRun?.indexes && `${counted(notRun.indexes.count)} not run`;
  if (state === "failed") return ["failed", reason, done, taken].filter(Boolean).join(" · ");
  if (state === "running" || state === "succeeded")
    return [state, done, taken, took].filter(Boolean).join(" · ");
  // What differs stands first: the end is cut where there is no room.
  if (heldBy?.why === "failed") return `${nameOf(heldBy.step)} failed · cannot start`;
  if (heldBy !== undefined) return holderWords(heldBy);
  if (reason === "WaitingForInputs") return waitsFor(step);
  return [state, reason, taken].filter(Boolean).join(" · ");
}

/** Of such as `Job count`. */
function resultOf(by: string | undefined): string {
  return by === undefined ? "a result of before" : `${by.replace(/^(?:Job|Pod) /, "")}'s result`;
}

/**
 * That a step did not run, or which of its indexes, and whose result it took.
 *
 * @param step - any
 * @returns empty where it ran, or will
 */
export function notRunWords({ notRun }: PageStep): string {
  if (notRun === undefined) return "";
  const { by, at, indexes } = notRun;
  const whose = by === undefined ? undefined : `${by} of ${clock(at ?? "", Date.now())}`;
  if (indexes === undefined)
    return `not run: took ${whose ? `the result of ${whose}` : "a result of before"}`;
  const which = indexes.count === 1 ? `index ${indexes.text}` : `indexes ${indexes.text}`;
  return `${which} not run: took ${whose ? `results, the first that of ${whose}` : "results of before"}`;
}

/**
 * What is said of an artifact whose digest no Pod tells, and whether it is there all the same.
 *
 * @param id - of the artifact
 * @param drawing - with the steps that make it
 * @param reader - the step that reads it, if it is looked at as an input
 */
export function unseenWords(
  id: string,
  { steps, artifacts }: Pick<Drawing, "steps" | "artifacts">,
  reader?: PageStep,
): { readonly words: string; readonly isThere: boolean } {
  const artifact = artifacts.find((each) => each.id === id);
  const madeBy = new Set(artifact?.madeBy);
  const makers = steps.filter((step) => madeBy.has(step.id));
  const forms = makers.map(formOf);
  if (forms.includes("notRun")) return { words: "a result that was there", isThere: true };
  if (forms.includes("succeeded")) return { words: "pushed by a Pod that is gone", isThere: true };
  if (makers.some(({ notRun }) => notRun !== undefined))
    return { words: "a result that was there, or not pushed yet", isThere: true };
  const hasRead = reader !== undefined && ["running", "succeeded"].includes(reader.state);
  if (hasRead) return { words: "was there when the step started", isThere: true };
  if (reader !== undefined && makers.length === 0)
    return { words: unmadeWords(artifact?.leftBy), isThere: reader.reason !== "WaitingForInputs" };
  return { words: "not pushed yet, as far as is seen", isThere: false };
}

function unmadeWords(leftBy: readonly string[] = []): string {
  const [only = "", ...others] = leftBy;
  if (only === "") return "no step here makes it";
  return others.length === 0
    ? `${nameOf(only)} makes it only if it fails`
    : `${counted(leftBy.length)} steps make it only if they fail`;
}

/** The same of what a step has left that failed. */
export const unseenLeft = { words: "not pushed, or by a Pod that is gone", isThere: true } as const;

/** In few words: the artifacts that are missing, without who makes them. */
function waitsFor({ message = "" }: PageStep): string {
  const missing = message.replace(/^Waits for /, "").replaceAll(/ \([^)]*\)/g, "");
  return message.startsWith("Waits for ") ? `waits for ${missing.replace(/\.$/, "")}` : "waits for inputs";
}
