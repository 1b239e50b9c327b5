import { OrasCache } from "../cache/model.ts";
import { checkAcross, type Found } from "./checks/across.ts";
import { checkObject } from "./checks/object.ts";
import { checkStep } from "./checks/step.ts";
import { type Step, stepsOf } from "./checks/steps.ts";
import { codes, urlOf } from "./codes.ts";
import { objectsInCluster } from "./manifests/in-cluster.ts";
import { objectsOf, type Refused } from "./manifests/objects.ts";
import { readSources } from "./manifests/sources.ts";
import type { Session } from "./remote/session.ts";
import { type Finding, type Level, type Report, sortFindings } from "./report/finding.ts";
import type { OfflineSettings } from "./settings.ts";
import { isCache, type Surroundings, surroundingsOf } from "./surroundings.ts";

/**
 * Validates files.
 *
 * @param places - paths, URLs, or `-`
 * @param settings - of the installation
 * @param session - of a cluster whose OrasCaches and LimitRanges count, too
 * @throws CliError when something cannot be read
 */
export async function validateFiles(
  places: readonly string[],
  settings: OfflineSettings,
  session?: Session,
): Promise<Report> {
  const sources = await readSources(places);
  const { objects, refused } = objectsOf(sources, settings.namespace);
  const steps = objects.flatMap(stepsOf);
  const namespaces = [...new Set(steps.map(({ object }) => object.namespace))];
  const inCluster = session && (await objectsInCluster(session, namespaces));
  const findings = [
    ...refused.map(notRead),
    ...objects.flatMap(checkObject),
    ...checkSteps(steps, { objects, inCluster }, settings),
  ];
  const order = sources.map(({ file }) => file);
  return {
    findings: sortFindings(findings, order),
    files: sources.length,
    objects: objects.length,
    checked: objects.filter(isCache).length + new Set(steps.map((s) => s.object)).size,
  };
}

function checkSteps(steps: readonly Step[], found: Found, settings: OfflineSettings): Finding[] {
  const { objects, inCluster = [] } = found;
  // What the files say is what will be there once they are applied.
  const around = surroundingsOf([...objects, ...inCluster]);
  // That an OrasCache is not in the files is reported by the checks across them. It may have an address for nodes.
  const unseen = new OrasCache({ spec: { nodeAddress: "registry.invalid" } });
  const withCaches: Surroundings = {
    ...around,
    cache: (namespace, name) => around.cache(namespace, name) ?? unseen,
  };
  const checked = steps.map((step) => ({ step, ...checkStep(step, withCaches, settings) }));
  const running = checked.filter(({ runs }) => runs).map(({ step }) => step);
  return [...checked.flatMap(({ findings }) => findings), ...checkAcross(found, running, around, settings)];
}

function notRead({ named, code, file, line, column, message, render }: Refused): Finding {
  const fix = render === undefined ? codes[code].fix : `Run ${render} | oras-operator validate -f -.`;
  return { level: levelOf(code, named), code, file, line, column, message, fix, url: urlOf(code) };
}

/** In a folder may lie files that are for somebody else. */
function levelOf(code: Refused["code"], named: boolean): Level {
  if (code === "KustomizationNotRendered") return "warning";
  return code === "NotAnObject" && !named ? "info" : "error";
}
