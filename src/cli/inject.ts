import { applyPatch } from "rfc6902";
import { stringify } from "yaml";
import { visible } from "../annotations/problems.ts";
import { describeWarning } from "../annotations/warning.ts";
import { ourAnnotations } from "./checks/artifacts.ts";
import { checkObject } from "./checks/object.ts";
import { checkRestartPolicy } from "./checks/restart.ts";
import { checkShape } from "./checks/shape.ts";
import { checkStep } from "./checks/step.ts";
import { pathOfAnnotations, type Step, stepsOf } from "./checks/steps.ts";
import type { FindingCode } from "./codes.ts";
import { describeObject, type ManifestObject, nameOf, objectsOf, type Refused } from "./manifests/objects.ts";
import { readSources } from "./manifests/sources.ts";
import { kubectlYaml } from "./manifests/yaml.ts";
import { CliError } from "./output.ts";
import type { Finding } from "./report/finding.ts";
import { reviewOffline } from "./review.ts";
import type { OfflineSettings } from "./settings.ts";
import { type Surroundings, surroundingsOf } from "./surroundings.ts";

/** What files become, and what the person at the terminal has to know of it. */
export interface Injected {
  readonly documents: readonly unknown[];
  /** What `kubectl apply` would warn about, once per object. */
  readonly warnings: readonly string[];
  /** The objects of which something is injected later. */
  readonly notes: readonly string[];
}

/**
 * Injects files.
 *
 * @param places - paths, URLs, or `-`
 * @param settings - of the installation
 * @throws CliError naming every problem of every object
 */
export async function injectFiles(places: readonly string[], settings: OfflineSettings): Promise<Injected> {
  const { documents, objects, refused } = objectsOf(await readSources(places), settings.namespace);
  const around = surroundingsOf(objects);
  const answers = objects.map((object) => injectObject(object, around, settings));
  const denials = [...refused.map(refusalOf), ...answers.flatMap((answer) => answer.denials)];
  if (denials.length > 0) throw new CliError(denials.join("\n"), 1);
  return {
    documents,
    warnings: [...new Set(answers.flatMap(({ warnings }) => warnings))],
    notes: [...new Set(answers.flatMap(({ notes }) => notes))],
  };
}

function injectObject(object: ManifestObject, around: Surroundings, settings: OfflineSettings) {
  const findings = checkObject(object);
  const steps = stepsOf(object).map((step) => injectStep(step, around, settings));
  const warnings = findings.filter(({ level }) => level === "warning").map(describeFinding);
  const at = (text: string) => `${placeOf(object)}: ${text}`;
  const later = steps.flatMap((step) => step.later ?? []);
  return {
    denials: [...findings.flatMap(denialOf), ...steps.flatMap((step) => step.denials)].map(at),
    warnings: [...warnings, ...steps.flatMap((step) => step.warnings)].map(at),
    notes: later.map((made) =>
      visible(`${object.kind} ${nameOf(object)}: its ${made} are injected when they are created`),
    ),
  };
}

/** What the webhook answers about a step. */
interface Answer {
  readonly denials: readonly string[];
  readonly warnings: readonly string[];
  /** What the webhook will be asked about only when its controller makes it. */
  readonly later?: "Pods" | "Jobs" | undefined;
}

function injectStep(step: Step, around: Surroundings, settings: OfflineSettings): Answer {
  return step.base.length === 0 ? injectNow(step, around, settings) : injectLater(step, around, settings);
}

/** Injects an object itself. */
function injectNow(step: Step, around: Surroundings, settings: OfflineSettings): Answer {
  const { object } = step;
  const { findings, step: shaped } = checkShape(step);
  // What the API server would refuse. It does not ask the webhook, which leaves such objects as they are.
  const malformed = [...findings, ...(shaped ? checkRestartPolicy(shaped) : [])].flatMap(denialOf);
  const verdict = reviewOffline(object, around, settings);
  const onTemplateAlone = step.kind === "Job" && isAnnotated(step) && isOfPods(step);
  const warnings = verdict.warnings
    .filter(({ code }) => !onTemplateAlone || !onlyOfPrinted.includes(code))
    .map(describeWarning);
  if (verdict.kind === "denied") return { denials: [...malformed, verdict.message], warnings };
  if (verdict.patch) applyPatch(object.value, [...verdict.patch]);
  return { denials: malformed, warnings, later: onTemplateAlone ? "Pods" : undefined };
}

/** Says what will happen to what a controller makes of a template, which is printed as it is. */
function injectLater(step: Step, around: Surroundings, settings: OfflineSettings): Answer {
  const { findings, runs } = checkStep(step, around, settings);
  const warnings = findings
    .filter(({ level, code }) => level !== "error" && !onlyOfPrinted.includes(code))
    .map(describeFinding);
  const made = isOfPods(step) ? "Pods" : "Jobs";
  return {
    denials: findings.flatMap(denialOf),
    warnings,
    later: runs && isAnnotated(step) ? made : undefined,
  };
}

/** What matters only where the step itself is printed with what was added. */
const onlyOfPrinted: readonly FindingCode[] = ["CacheNotFound", "LoginUnknown", "AlreadyInjected"];

/** Whether the annotations of a step are on Pods or their template, and not on a Job. */
function isOfPods(step: Step): boolean {
  return step.kind === "Pod" || pathOfAnnotations(step).slice(step.base.length).includes("template");
}

function isAnnotated(step: Step): boolean {
  return Object.keys(ourAnnotations(step)).length > 0;
}

function denialOf(finding: Finding): string[] {
  return finding.level === "error" ? [describeFinding(finding)] : [];
}

function describeFinding({ code, path = "", message }: Finding): string {
  return `${visible(`${path}: ${message}`)} (${code})`;
}

function refusalOf({ file, line, column, message, render }: Refused): string {
  const pipe = render === undefined ? "" : ` Run ${render} | oras-operator inject -f -.`;
  return `${file}:${line}:${column}: ${message}${pipe}`;
}

function placeOf(object: ManifestObject): string {
  return visible(`${object.file}: ${describeObject(object)}`);
}

/**
 * Documents as text that kubectl reads as it was meant. As JSON one object is printed as it is, several as a List.
 */
export function formatDocuments(documents: readonly unknown[], format: "yaml" | "json"): string {
  if (format === "yaml") {
    return documents.map((value) => stringify(value, { version: kubectlYaml.version })).join("---\n");
  }
  const value = documents.length === 1 ? documents[0] : { apiVersion: "v1", kind: "List", items: documents };
  return `${JSON.stringify(value, null, 2)}\n`;
}
