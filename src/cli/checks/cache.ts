import { names } from "../../../schema/names.ts";
import { exportRegistry } from "../../cache/export.ts";
import { validateOrasCache } from "../../cache/validate.ts";
import type { ManifestObject } from "../manifests/objects.ts";
import { asSubmitted } from "../manifests/submitted.ts";
import { type Finding, findingAt } from "../report/finding.ts";

/** What the API server would say about an OrasCache. */
export function checkCache(object: ManifestObject): Finding[] {
  const found = validateOrasCache(asSubmitted(object.value)).map(({ path, message }) => {
    const steps = path.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
    const code = message.startsWith("no such field") ? "UnknownField" : "InvalidField";
    return findingAt(object, steps, {
      level: "error",
      code,
      message: message.endsWith("?") ? message : `${message}.`,
    });
  });
  return [...found, ...checkExport(object)];
}

/** What the policy of the API server says about the annotation export-to. */
function checkExport(object: ManifestObject): Finding[] {
  const { metadata, spec } = object.value as Partial<Record<string, Partial<Record<string, unknown>> | null>>;
  const key = names.exportAnnotation;
  const value = (metadata?.["annotations"] as Partial<Record<string, unknown>> | null | undefined)?.[key];
  // One that is no text is told with the others.
  if (typeof value !== "string") return [];
  const wrong = (message: string) =>
    findingAt(object, ["metadata", "annotations", key], { level: "error", code: "InvalidField", message });
  return [
    ...(exportRegistry(value) === undefined
      ? [wrong(`found ${JSON.stringify(value)}; ${names.exportAllowed}.`)]
      : []),
    ...(spec?.["deploy"] === false ? [wrong("may only be set where spec.deploy is true.")] : []),
  ];
}
