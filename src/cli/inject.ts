import { applyPatch } from "rfc6902";
import { stringify } from "yaml";
import { visible } from "../annotations/problems.ts";
import { describeWarning } from "../annotations/warning.ts";
import { checkCache } from "./checks/cache.ts";
import { checkShape } from "./checks/shape.ts";
import { isStep, stepsOf } from "./checks/steps.ts";
import { describeObject, type ManifestObject, objectsOf } from "./manifests/objects.ts";
import { readSources } from "./manifests/sources.ts";
import { kubectlYaml } from "./manifests/yaml.ts";
import { CliError } from "./output.ts";
import type { Finding } from "./report/finding.ts";
import { reviewOffline } from "./review.ts";
import type { OfflineSettings } from "./settings.ts";
import { isCache, surroundingsOf } from "./surroundings.ts";

/**
 * Injects files.
 *
 * @param places - paths, URLs, or `-`
 * @param settings - of the installation
 * @returns the documents of the files, and what `kubectl apply` would warn about, once per object
 * @throws CliError naming every problem of every object
 */
export async function injectFiles(
  places: readonly string[],
  settings: OfflineSettings,
): Promise<{ documents: readonly unknown[]; warnings: readonly string[] }> {
  const { documents, objects, refused } = objectsOf(await readSources(places), settings.namespace);
  const denials = [
    ...refused.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`),
    ...objects.flatMap((object) =>
      malformed(object).map(({ path = "", message }) => `${placeOf(object)}: ${path}: ${message}`),
    ),
  ];
  const warnings = new Set<string>();
  const around = surroundingsOf(objects);
  for (const object of objects.filter(isStep)) {
    const verdict = reviewOffline(object, around, settings);
    for (const warning of verdict.warnings) warnings.add(`${placeOf(object)}: ${describeWarning(warning)}`);
    if (verdict.kind === "denied") denials.push(`${placeOf(object)}: ${verdict.message}`);
    else if (verdict.patch) applyPatch(object.value, [...verdict.patch]);
  }
  if (denials.length > 0) throw new CliError(denials.join("\n"), 1);
  return { documents, warnings: [...warnings] };
}

/** What the API server would refuse before it asks the webhook, which leaves such objects as they are. */
function malformed(object: ManifestObject): readonly Finding[] {
  if (isCache(object)) return checkCache(object);
  return isStep(object) ? stepsOf(object).flatMap((step) => checkShape(step).findings) : [];
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
