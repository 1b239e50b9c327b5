import { names } from "../../../schema/names.ts";
import type { Problem } from "../../annotations/problems.ts";
import type { Warning } from "../../annotations/warning.ts";
import type { OrasCache } from "../../cache/types.ts";
import { readWorkload, workloadKind } from "../../workload/read.ts";
import { type Path, parsePath } from "../manifests/path.ts";
import { type Finding, findingAt } from "../report/finding.ts";
import { reviewOffline } from "../review.ts";
import type { OfflineSettings } from "../settings.ts";
import { pathOfAnnotation, type Step } from "./steps.ts";

/** What is known of a step after it was looked at. */
export interface CheckedStep {
  readonly findings: readonly Finding[];
  /** Whether it would run as a step: refused ones do not, nor those without the container to wrap. */
  readonly runs: boolean;
}

/**
 * What the webhook would say about a Pod or Job when it is created.
 *
 * @param step - that an object of a file is or makes
 * @param cache - the OrasCache of a name; what is not in the files is told elsewhere
 * @param settings - of the installation
 */
export function checkStep(
  step: Step,
  cache: (name: string) => OrasCache,
  settings: OfflineSettings,
): CheckedStep {
  const malformed = checkShape(step);
  if (malformed.length > 0) return { findings: malformed, runs: false };
  const { kind, value, object } = step;
  const verdict = reviewOffline({ kind, namespace: object.namespace, value }, cache, settings);
  const skipped = verdict.kind === "allowed" && verdict.outcome === "skipped";
  const problems = verdict.kind === "denied" ? (verdict.problems ?? []) : [];
  const refused = problems.filter(({ code }) => code !== "NoCommand");
  return {
    findings: [
      ...alreadyInjected(step),
      ...problems.map((problem) => problemOf(step, problem)),
      ...verdict.warnings.map((warning) => warningOf(step, warning)),
    ],
    runs: refused.length === 0 && !skipped,
  };
}

/**
 * A container without a command runs what its image says. The operator asks the image's registry and refuses only what
 * it could not find out; nobody is asked here.
 */
function problemOf(step: Step, { code, path, message }: Problem): Finding {
  const finding =
    code === "NoCommand"
      ? { level: "warning" as const, message: `${message} ${askedInCluster}` }
      : { level: "error" as const, message };
  return findingAt(step.object, pathIn(step, path), { code, ...finding });
}

const askedInCluster =
  "The operator will ask the image's registry, and refuse the object if it gets no answer.";

/** What admission would warn about. Several kinds of Pods may share the annotations of one controller, on purpose. */
function warningOf(step: Step, { code, path, message }: Warning): Finding {
  const level = code === "NotInjected" ? "info" : "warning";
  return findingAt(step.object, path === "" ? step.base : pathIn(step, path), { level, code, message });
}

/** The path of an annotation or a field of the step, as one of the object that it stands in. */
function pathIn(step: Step, path: string): Path {
  return path.startsWith(names.prefix) ? pathOfAnnotation(step, path) : [...step.base, ...parsePath(path)];
}

/** What the API server refuses before a webhook sees it, as far as the webhook relies on it. */
function checkShape(step: Step): Finding[] {
  const kind = workloadKind(step.kind === "Job" ? "batch" : "", step.kind);
  const read = kind && readWorkload(kind, step.value);
  if (read === undefined || !("expected" in read)) return [];
  const path = parsePath(read.path);
  const found = path.reduce<unknown>(
    (at, field) => (at as Record<string, unknown> | null)?.[field],
    step.value,
  );
  const text = read.expected === "a text";
  const quote = text && typeof found !== "object" ? "; put it in quotes" : "";
  const message = `found ${describeValue(found)}; it must be ${text ? "text" : read.expected}${quote}.`;
  return [findingAt(step.object, [...step.base, ...path], { level: "error", code: "InvalidField", message })];
}

function describeValue(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a map" : JSON.stringify(value);
}

function alreadyInjected(step: Step): Finding[] {
  const { metadata } = step.value as { metadata?: { annotations?: Record<string, string> } };
  if (metadata?.annotations?.[names.markerAnnotation] === undefined) return [];
  const message = "found the marker of an injection, which objects have that were read from a cluster.";
  const path = [...step.base, "metadata", "annotations", names.markerAnnotation];
  return [findingAt(step.object, path, { level: "info", code: "AlreadyInjected", message })];
}
