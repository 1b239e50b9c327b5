import { names } from "../../../schema/names.ts";
import { readAnnotations } from "../../annotations/parse.ts";
import type { Problem } from "../../annotations/problems.ts";
import type { Warning } from "../../annotations/warning.ts";
import { type Path, parsePath } from "../manifests/path.ts";
import { type Finding, findingAt } from "../report/finding.ts";
import { reviewOffline } from "../review.ts";
import type { OfflineSettings } from "../settings.ts";
import type { Surroundings } from "../surroundings.ts";
import { defaultsOf, ourAnnotations } from "./artifacts.ts";
import { checkRestartPolicy } from "./restart.ts";
import { checkShape } from "./shape.ts";
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
 * @param around - what else the files say
 * @param settings - of the installation
 */
export function checkStep(step: Step, around: Surroundings, settings: OfflineSettings): CheckedStep {
  const { findings: malformed, step: shaped } = checkShape(step);
  if (shaped === undefined)
    return { findings: [...malformed, ...annotationsAlone(step, malformed, around)], runs: false };
  const { kind, value, object } = shaped;
  const verdict = reviewOffline({ kind, namespace: object.namespace, value }, around, settings);
  const skipped = verdict.kind === "allowed" && verdict.outcome === "skipped";
  const problems = verdict.kind === "denied" ? (verdict.problems ?? []) : [];
  const refused = problems.filter(({ code }) => code !== "NoCommand");
  const errors = [...malformed, ...checkRestartPolicy(shaped)];
  return {
    findings: [
      ...errors,
      ...alreadyInjected(shaped),
      ...notToldIn(errors, [
        ...problems.map((problem) => problemOf(shaped, problem)),
        ...verdict.warnings.filter(isOfCluster).map((warning) => warningOf(shaped, warning)),
      ]),
    ],
    runs: errors.length === 0 && refused.length === 0 && !skipped,
  };
}

/** Whether the operator would warn, too: it knows the login of a cache. */
function isOfCluster({ code }: Warning): boolean {
  return code !== "LoginUnknown";
}

/** What is wrong with the annotations, where their Pod is not one. */
function annotationsAlone(step: Step, told: readonly Finding[], around: Surroundings): Finding[] {
  const map = ourAnnotations(step);
  const { problems } = readAnnotations(map, defaultsOf(step, map, around));
  return notToldIn(
    told,
    problems.map((problem) => problemOf(step, problem)),
  );
}

/** A field of a wrong type is reported once, and nothing that follows from it. */
function notToldIn(errors: readonly Finding[], findings: readonly Finding[]): Finding[] {
  const told = new Set(errors.map(({ path }) => path));
  return findings.filter(({ path }) => path === undefined || !told.has(path));
}

/**
 * A container without a command runs what its image says. The operator asks the image's registry and refuses only what
 * it could not find out; no registry is asked here.
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

function alreadyInjected(step: Step): Finding[] {
  const { metadata } = step.value as { metadata?: { annotations?: Record<string, string> } };
  if (metadata?.annotations?.[names.markerAnnotation] === undefined) return [];
  const message = "found the marker of an injection, which objects have that were read from a cluster.";
  const path = [...step.base, "metadata", "annotations", names.markerAnnotation];
  return [findingAt(step.object, path, { level: "info", code: "AlreadyInjected", message })];
}
