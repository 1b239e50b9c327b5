import { findMisplaced, findNearMisses } from "../../workload/misplaced.ts";
import type { ManifestObject } from "../manifests/objects.ts";
import { parsePath } from "../manifests/path.ts";
import { type Finding, findingAt } from "../report/finding.ts";
import { isCache } from "../surroundings.ts";
import { checkCache } from "./cache.ts";
import { checkKind } from "./kind.ts";
import { checkMetadata } from "./metadata.ts";
import { stepsOf } from "./steps.ts";
import { checkUnread } from "./unread.ts";

/** What is wrong with an object whatever kind it is. Where its kind is wrong, what is read in it is not known. */
export function checkObject(object: ManifestObject): Finding[] {
  const kind = checkKind(object);
  const findings = [
    ...(isCache(object) || stepsOf(object).length > 0 ? checkMetadata(object) : []),
    ...(isCache(object) ? checkCache(object) : []),
    ...misplaced(object),
  ].filter(({ path }) => kind.every((wrong) => wrong.path !== path));
  if (kind.length > 0) return [...kind, ...findings];
  const told = new Set(findings.flatMap(({ path }) => path ?? []));
  return [...findings, ...checkUnread(object, told)];
}

/** As the ValidatingAdmissionPolicies of an installation say it, and what they leave to the command line. */
function misplaced(object: ManifestObject): Finding[] {
  return [...findMisplaced(object.value), ...findNearMisses(object.value)].map(({ code, path, message }) =>
    findingAt(object, parsePath(path), { level: "warning", code, message }),
  );
}
