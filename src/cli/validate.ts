import { names } from "../../schema/names.ts";
import { findMisplaced } from "../workload/misplaced.ts";
import { checkAcross } from "./checks/across.ts";
import { checkCache } from "./checks/cache.ts";
import { checkStep } from "./checks/step.ts";
import { type Step, stepsOf } from "./checks/steps.ts";
import { codes, urlOf } from "./codes.ts";
import { type ManifestObject, objectsOf, type Refused } from "./manifests/objects.ts";
import { parsePath } from "./manifests/path.ts";
import { readSources } from "./manifests/sources.ts";
import { type Finding, findingAt, type Report, sortFindings } from "./report/finding.ts";
import { findCache } from "./review.ts";
import type { OfflineSettings } from "./settings.ts";

/**
 * Validates files.
 *
 * @param places - paths, URLs, or `-`
 * @param settings - of the installation
 * @throws CliError when something cannot be read
 */
export async function validateFiles(places: readonly string[], settings: OfflineSettings): Promise<Report> {
  const sources = await readSources(places);
  const { objects, refused } = objectsOf(sources, settings.namespace);
  const steps = objects.flatMap(stepsOf);
  const findings = [
    ...refused.map(notRead),
    ...objects.filter(({ kind }) => kind === names.kind).flatMap(checkCache),
    ...objects.flatMap(misplaced),
    ...checkSteps(steps, objects, settings),
  ];
  const order = sources.map(({ file }) => file);
  return {
    findings: sortFindings(findings, order),
    files: sources.length,
    objects: objects.length,
    checked:
      objects.filter(({ kind }) => kind === names.kind).length + new Set(steps.map((s) => s.object)).size,
  };
}

function checkSteps(
  steps: readonly Step[],
  objects: readonly ManifestObject[],
  settings: OfflineSettings,
): Finding[] {
  const checked = steps.map((step) => {
    const { namespace } = step.object;
    // That one is not in the files is told by the checks across them.
    const cache = (name: string) =>
      findCache(objects, namespace, name) ?? { apiVersion: names.apiVersion, kind: names.kind };
    return { step, ...checkStep(step, cache, settings) };
  });
  const running = checked.filter(({ runs }) => runs).map(({ step }) => step);
  return [...checked.flatMap(({ findings }) => findings), ...checkAcross(objects, running)];
}

/** As the ValidatingAdmissionPolicies of an installation say it. */
function misplaced(object: ManifestObject): Finding[] {
  return findMisplaced(object.value).map(({ code, path, message }) =>
    findingAt(object, parsePath(path), { level: "warning", code, message }),
  );
}

/** In a folder may lie files that are for somebody else. */
function notRead({ named, code, file, line, column, message }: Refused): Finding {
  const level = code === "Unreadable" || named ? "error" : "info";
  return { level, code, file, line, column, message, fix: codes[code].fix, url: urlOf(code) };
}
