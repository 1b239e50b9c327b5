import { OrasCache } from "../cache/model.ts";
import { findMisplaced } from "../workload/misplaced.ts";
import { checkAcross } from "./checks/across.ts";
import { checkCache } from "./checks/cache.ts";
import { checkKind } from "./checks/kind.ts";
import { checkMetadata } from "./checks/metadata.ts";
import { checkStep } from "./checks/step.ts";
import { type Step, stepsOf } from "./checks/steps.ts";
import { checkUnread } from "./checks/unread.ts";
import { codes, urlOf } from "./codes.ts";
import { type ManifestObject, objectsOf, type Refused } from "./manifests/objects.ts";
import { parsePath } from "./manifests/path.ts";
import { readSources } from "./manifests/sources.ts";
import { type Finding, findingAt, type Report, sortFindings } from "./report/finding.ts";
import type { OfflineSettings } from "./settings.ts";
import { isCache, type Surroundings, surroundingsOf } from "./surroundings.ts";

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
    ...objects.flatMap(checkObject),
    ...checkSteps(steps, objects, settings),
  ];
  const order = sources.map(({ file }) => file);
  return {
    findings: sortFindings(findings, order),
    files: sources.length,
    objects: objects.length,
    checked: objects.filter(isCache).length + new Set(steps.map((s) => s.object)).size,
  };
}

/** What is wrong with an object whatever kind it is. */
function checkObject(object: ManifestObject): Finding[] {
  const findings = [
    ...checkKind(object),
    ...(isCache(object) || stepsOf(object).length > 0 ? checkMetadata(object) : []),
    ...(isCache(object) ? checkCache(object) : []),
    ...misplaced(object),
  ];
  const told = new Set(findings.flatMap(({ path }) => path ?? []));
  return [...findings, ...checkUnread(object, told)];
}

function checkSteps(
  steps: readonly Step[],
  objects: readonly ManifestObject[],
  settings: OfflineSettings,
): Finding[] {
  const around = surroundingsOf(objects);
  // That an OrasCache is not in the files is reported by the checks across them.
  const withCaches: Surroundings = {
    ...around,
    cache: (namespace, name) => around.cache(namespace, name) ?? new OrasCache(),
  };
  const checked = steps.map((step) => ({ step, ...checkStep(step, withCaches, settings) }));
  const running = checked.filter(({ runs }) => runs).map(({ step }) => step);
  return [...checked.flatMap(({ findings }) => findings), ...checkAcross(objects, running, around, settings)];
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
