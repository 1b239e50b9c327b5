import { names } from "../../schema/names.ts";
import { isAnnotated } from "../annotations/map.ts";
import type { Warning } from "../annotations/warning.ts";
import {
  isPod,
  ownAnnotations,
  ownedByController,
  podAnnotations,
  putBack,
  type Workload,
} from "../workload/workload.ts";
import type { Verdict } from "./admission-types.ts";
import { legacyInjection } from "./legacy.ts";
import {
  digestOf,
  type Injection,
  isMarked,
  markedDigest,
  markedInjection,
  recordedInjection,
} from "./marker.ts";
import { afterSidecars } from "./order.ts";
import { isWhole } from "./present.ts";
import { checkProcessesAgain } from "./secrecy.ts";
import { stripInjection } from "./strip.ts";
import { changed, denied, untouched } from "./verdicts.ts";

/**
 * Looks for an earlier injection in an object that is created. It counts where it is whole and made from the annotations
 * that the object has (a second call of the same review; a Pod whose template was injected), or where the object is a Pod
 * of an injected Job. Otherwise what was injected is taken out: the object was exported, or copied, or its marker is
 * left over.
 *
 * @param workload - the object as it was submitted
 * @param namespace - of the object
 * @param openshift - whether the cluster assigns UIDs
 * @returns a verdict, or the object in which nothing is injected and which is annotated
 */
export function settleEarlier(
  workload: Workload,
  namespace: string,
  openshift: boolean,
): { readonly verdict: Verdict } | { readonly workload: Workload } {
  const own = ownAnnotations(workload);
  const below = podAnnotations(workload);
  const annotated = isAnnotated(own) || isAnnotated(below);
  const marked = isMarked(own) || isMarked(below);
  const injection = earlierInjection(workload, marked);
  if (injection === undefined && !marked) return annotated ? { workload } : { verdict: untouched() };
  if (injection && counts(workload, injection, namespace)) {
    const { template, path } = workload;
    const problems = checkProcessesAgain(template.spec, path, injection, openshift);
    if (problems.length > 0) return { verdict: denied(problems, []) };
    const spec = afterSidecars(workload.template.spec, injection);
    const moved = putBack(workload, { ...workload.template, spec });
    return { verdict: changed(workload.object, moved.object, [], "moved") };
  }
  const stripped = stripInjection(workload, injection);
  if (!stripped.ok) return { verdict: denied(stripped.problems, []) };
  if (annotated) return { workload: stripped.value };
  const message = `this ${workload.kind.kind} carries containers that were added for annotations which it does not have; they are removed, and it neither pulls nor pushes.`;
  const warnings: Warning[] = injection ? [{ code: "InjectionRemoved", path: "", message }] : [];
  return { verdict: changed(workload.object, stripped.value.object, warnings, "stripped") };
}

function earlierInjection(workload: Workload, marked: boolean): Injection | undefined {
  const { spec } = workload.template;
  const recorded = recordedInjection(spec);
  if (recorded || !marked) return recorded;
  const own = ownAnnotations(workload);
  const below = podAnnotations(workload);
  return (
    markedInjection(own) ??
    markedInjection(below) ??
    legacyInjection(spec, own) ??
    legacyInjection(spec, below)
  );
}

function counts(workload: Workload, injection: Injection, namespace: string): boolean {
  const own = ownAnnotations(workload);
  if (isPod(workload) && !isAnnotated(own) && ownedByController(workload)) return true;
  const below = podAnnotations(workload);
  return (
    workload.template.metadata?.labels?.[names.injectedLabel] !== undefined &&
    isWhole(workload.template.spec, injection) &&
    markedDigest(own) === digestOf({ ...below, ...own }, namespace) &&
    (!isAnnotated(below) || markedDigest(below) === digestOf(below, namespace))
  );
}
