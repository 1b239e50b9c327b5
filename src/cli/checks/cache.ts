import { validateOrasCache } from "../../cache/validate.ts";
import type { ManifestObject } from "../manifests/objects.ts";
import { asSubmitted } from "../manifests/submitted.ts";
import { type Finding, findingAt } from "../report/finding.ts";

/** What the API server would say about an OrasCache. */
export function checkCache(object: ManifestObject): Finding[] {
  return validateOrasCache(asSubmitted(object.value)).map(({ path, message }) => {
    const steps = path.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
    const code = message.startsWith("no such field") ? "UnknownField" : "InvalidField";
    return findingAt(object, steps, {
      level: "error",
      code,
      message: message.endsWith("?") ? message : `${message}.`,
    });
  });
}
