import { styleText } from "node:util";
import type { V1ContainerStatus, V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import type { ConditionType } from "../../../schema/reasons.ts";
import { visible, visibleLines } from "../../annotations/problems.ts";
import { conditionOf } from "../../cache/status.ts";
import type { Condition } from "../../cache/types.ts";
import { storedOf } from "../artifacts/usage.ts";
import { storageNow } from "../remote/fullness.ts";
import { shortAge } from "../show/sizes.ts";
import { formatTable, unknown } from "../show/table.ts";
import type { Facts, Subject } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { waitsForInputs } from "./inputs.ts";

const mostEvents = 12;
const longestNote = 300;

/** How a page is printed. */
export interface PageStyle {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly colour: boolean;
  /** What it is about: a cache, where nothing else is said. Of the cache of a step is shown what is not as it should be. */
  readonly about?: Subject["kind"];
}

/**
 * The page about a cache or a step.
 *
 * @param title - what it is about
 * @param facts - what was read
 * @param findings - what is to be said
 * @param style - see there
 */
export function formatPage(
  title: string,
  facts: Facts,
  findings: readonly Finding[],
  { now, colour, about = "cache" }: PageStyle,
): string {
  const isStep = about !== "cache";
  const sections = [
    `${title}\n${findings.map((finding) => formatFinding(finding, colour)).join("")}`,
    isStep ? "" : storedIn(facts),
    formatTable(["KIND", "NAME", "STATE", "AGE"], objectsIn(facts, now)),
    conditionsOf(facts, now, isStep ? isWrong : () => true),
    eventsOf(facts, now),
    facts.unread.map((line) => `${line}\n`).join(""),
  ];
  return sections.filter((section) => section !== "").join("\n");
}

function storedIn({ cache, room }: Facts): string {
  if (cache === undefined) return "";
  const { storage, measured } = storageNow(cache, room);
  const told = storedOf(storage ?? {}, measured);
  return told === undefined ? "" : `${visible(told)}\n`;
}

const words = {
  good: ["OK", "green"],
  note: ["NOTE", "yellow"],
  waits: ["WAITS", "yellow"],
  bad: ["FAILS", "red"],
} as const;

function formatFinding({ level, text, todo }: Finding, colour: boolean): string {
  const [word, shade] = words[level];
  const shown = word.padEnd(7);
  const first = `  ${colour ? styleText(shade, shown, { validateStream: false }) : shown}${visibleLines(text).replaceAll("\n", "\n         ")}\n`;
  return todo === undefined ? first : `${first}  ${"To do".padEnd(7)}${visible(todo)}\n`;
}

function objectsIn({ cache, cacheName, job, statefulSet, claim, pods }: Facts, now: number): string[][] {
  const ready = conditionOf(cache?.status, "Ready");
  const rows: string[][] = [];
  const add = (kind: string, object: Timed | undefined, state: string) =>
    object && rows.push([kind, object.metadata?.name ?? "", state, ageOf(object, now)]);
  add("Job", job, `${job?.status?.succeeded ?? 0}/${job?.spec?.completions ?? 1} complete${heldOf(job)}`);
  for (const pod of pods) add("Pod", pod, stateOf(pod));
  if (cache === undefined) rows.push([names.kind, cacheName, "is not there", unknown]);
  const state = ready?.status === "True" ? "Ready" : (ready?.reason ?? unknown);
  add(
    names.kind,
    cache,
    cache?.metadata?.deletionTimestamp === undefined ? state : `${state}, being deleted`,
  );
  add(
    "StatefulSet",
    statefulSet,
    `${statefulSet?.status?.readyReplicas ?? 0}/${statefulSet?.spec?.replicas ?? 0} ready`,
  );
  add("PersistentVolumeClaim", claim, claim?.status?.phase ?? unknown);
  return rows;
}

interface Timed {
  readonly metadata?: { readonly name?: string; readonly creationTimestamp?: unknown };
}

function ageOf({ metadata }: Timed, now: number): string {
  return since(String(metadata?.creationTimestamp), now);
}

/** The condition that the API server sets for a new object has the time 0, because it needs one. */
function since(time: string, now: number): string {
  const at = new Date(time).getTime();
  return at > 0 ? shortAge((now - at) / 1000) : unknown;
}

/** The Pod's phase, and what of its containers is worth a word. */
function stateOf(pod: V1Pod): string {
  const { status, metadata } = pod;
  const { initContainerStatuses = [], containerStatuses = [], phase = unknown } = status ?? {};
  const parts = [...initContainerStatuses, ...containerStatuses].flatMap(partOf);
  const ends = `${phase}${heldOf(pod)}${metadata?.deletionTimestamp === undefined ? "" : ", being deleted"}`;
  return parts.length === 0 ? ends : `${ends}: ${parts.join(", ")}`;
}

function heldOf(step: V1Job | V1Pod | undefined): string {
  return step !== undefined && waitsForInputs(step) ? ", waits for inputs" : "";
}

function partOf({ name, state, restartCount }: V1ContainerStatus): string[] {
  const again = restartCount > 0 ? ` (restarted ${restartCount} times)` : "";
  if (state?.running) return [`${name} runs${again}`];
  if (state?.waiting)
    return [`${name} waits${state.waiting.reason ? ` (${state.waiting.reason})` : ""}${again}`];
  const { exitCode } = state?.terminated ?? {};
  return exitCode === undefined || exitCode === 0 ? [] : [`${name} ended with ${exitCode}${again}`];
}

const goodWhenTrue: readonly ConditionType[] = ["Ready", "Available", "SweepHealthy", "Mirrored", "Exported"];

function isWrong({ type, status }: Condition): boolean {
  return goodWhenTrue.some((good) => good === type) ? status !== "True" : status === "True";
}

function conditionsOf({ cache }: Facts, now: number, isShown: (condition: Condition) => boolean): string {
  const conditions = (cache?.status?.conditions ?? []).filter(isShown);
  if (conditions.length === 0) return "";
  const rows = conditions.map(({ type, status, reason, lastTransitionTime }) => [
    type,
    status,
    reason,
    since(lastTransitionTime, now),
  ]);
  return formatTable(["CONDITION", "STATUS", "REASON", "SINCE"], rows);
}

function eventsOf({ events }: Facts, now: number): string {
  if (events.length === 0) return "";
  const rows = events
    .slice(0, mostEvents)
    .map(({ at, type, reason, about, note }) => [
      since(at, now),
      type,
      reason,
      about,
      note.length > longestNote ? `${note.slice(0, longestNote)}…` : note,
    ]);
  return formatTable(["EVENT", "TYPE", "REASON", "ABOUT", "MESSAGE"], rows);
}
