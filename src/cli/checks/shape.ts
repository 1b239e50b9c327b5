import { readWorkload, workloadKind } from "../../workload/read.ts";
import { type Path, parsePath } from "../manifests/path.ts";
import { asSubmitted } from "../manifests/submitted.ts";
import { type Finding, findingAt } from "../report/finding.ts";
import type { Step } from "./steps.ts";

/** A step with what is wrong with the types of its fields. */
export interface Shaped {
  readonly findings: readonly Finding[];
  /** The step without the fields of a wrong type; undefined where nothing is left to look at. */
  readonly step: Step | undefined;
}

/** The most fields that are reported: each needs another search. */
const mostFields = 20;

/**
 * What the API server refuses before a webhook sees it, as far as the webhook relies on it. Each wrong field is reported
 * and corrected as far as possible, so that the others are reported in the same answer.
 */
export function checkShape(step: Step): Shaped {
  const kind = workloadKind(step.kind === "Job" ? "batch" : "", step.kind);
  const findings: Finding[] = [];
  const value = asSubmitted(step.value) as Step["value"];
  for (let last = ""; kind && findings.length < mostFields; ) {
    const read = readWorkload(kind, value);
    if (!("expected" in read)) return { findings, step: { ...step, value } };
    // It cannot be put right.
    if (read.path === last) break;
    last = read.path;
    const path = parsePath(read.path);
    const found = valueAt(value, path);
    const text = read.expected === "a string";
    const quote = text && typeof found !== "object" && found !== undefined ? "; put it in quotes" : "";
    const message = `found ${describeValue(found)}; it must be ${read.expected}${quote}.`;
    const place = [...step.base, ...path];
    findings.push(findingAt(step.object, place, { level: "error", code: "InvalidField", message }));
    putRight(value, path, text ? textOf(found) : undefined);
  }
  return { findings, step: undefined };
}

/** A text that is not quoted is what was written; a list or a map is none. */
function textOf(found: unknown): string | undefined {
  if (found === undefined) return undefined;
  return typeof found === "object" ? "" : String(found);
}

function putRight(root: object, path: Path, text: string | undefined): void {
  const parent = valueAt(root, path.slice(0, -1));
  const key = path.at(-1);
  if (typeof parent !== "object" || parent === null || key === undefined) return;
  if (text !== undefined) (parent as Record<string, unknown>)[key] = text;
  else if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete (parent as Record<string, unknown>)[key];
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce((at, field) => (at as Record<string, unknown> | null | undefined)?.[field], root);
}

/** For messages; what is not one value is named by its type. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a map" : JSON.stringify(value);
}
