import { names } from "../../schema/names.ts";
import { isAnnotated } from "../annotations/map.ts";
import type { Warning } from "../annotations/warning.ts";
import { loginsIn, mayBeLoginOf } from "../cache/logins-in-use.ts";
import {
  isPod,
  ownAnnotations,
  ownedByController,
  ownedByJob,
  podAnnotations,
  putBack,
  type Workload,
} from "../workload/workload.ts";
import type { Answers, Installation, Verdict } from "./admission-types.ts";
import { holdAgain } from "./held.ts";
import { withInputVolume } from "./input-volume.ts";
import { checkLeftOver, withUnrecorded } from "./layout.ts";
import { legacyInjection } from "./legacy.ts";
import { digestOf, type Injection, isMarked, markedDigest, recordedInjection } from "./marker.ts";
import { afterSidecars } from "./order.ts";
import { findInjection, isWhole } from "./present.ts";
import { withPresentLogin } from "./present-login.ts";
import { checkProcessesAgain } from "./secrecy.ts";
import { stripInjection } from "./strip.ts";
import { changed, denied, untouched } from "./verdicts.ts";

/** A verdict, what it is once the logins of a cache are known, or an object that is still to be injected. */
type Settled =
  | { readonly verdict: Verdict }
  | { readonly cache: string; readonly verdictOf: (answers: Answers) => Verdict }
  | { readonly workload: Workload };

/**
 * Looks for an earlier injection in an object that is created. It counts where it is whole and made from the annotations
 * that the object has (a second call of the same review), or where the object is a Pod of an injected Job, whatever other
 * webhooks did to that. Otherwise what was injected is taken out: the object was exported, or copied, or its marker is left
 * over.
 *
 * @param workload - the object as it was submitted
 * @param namespace - of the object
 * @param installation - whether the cluster assigns UIDs, and whether steps are held
 * @returns a verdict, or the object in which nothing is injected and which is annotated
 */
export function settleEarlier(
  workload: Workload,
  namespace: string,
  { openshift, workflow }: Pick<Installation, "openshift" | "workflow">,
): Settled {
  const own = ownAnnotations(workload);
  const below = podAnnotations(workload);
  const annotated = isAnnotated(own) || isAnnotated(below);
  const marked = isMarked(own) || isMarked(below);
  const recorded = earlierInjection(workload, marked);
  const injection = withUnrecorded(workload.template.spec, recorded);
  if (injection === undefined && !marked)
    return annotated ? withoutLeftOvers(workload) : { verdict: untouched() };
  if (injection && counts(workload, injection, recorded !== undefined, namespace))
    return keepWithLogin(workload, injection, { openshift, workflow });
  const stripped = stripInjection(workload, injection);
  if (!stripped.ok) return { verdict: denied(stripped.problems, []) };
  const rest = withoutLeftOvers(stripped.value);
  if (annotated || "verdict" in rest) return rest;
  const message = `this ${workload.kind.kind} carries containers that were added for annotations which it does not have; they are removed, and it neither pulls nor pushes.`;
  const warnings: Warning[] = injection ? [{ code: "InjectionRemoved", path: "", message }] : [];
  return { verdict: changed(workload.object, stripped.value.object, warnings, "stripped") };
}

/** A Pod of a Job has the login of that, which is valid while the Job is there. */
function keepWithLogin(
  workload: Workload,
  injection: Injection,
  installation: Pick<Installation, "openshift" | "workflow">,
): Settled {
  const { template } = workload;
  const cache = template.metadata?.labels?.[names.usesCacheLabel];
  const logins = loginsIn(template.spec, injection.pullSecrets);
  const isOwn = cache !== undefined && logins.some((secret) => mayBeLoginOf(secret, cache));
  if (!isOwn || ownedByJob(workload)) return { verdict: keep(workload, injection, installation) };
  return {
    cache,
    verdictOf: (answers) => {
      const renewed = withPresentLogin(template.spec, injection, cache, answers);
      const changed = putBack(workload, { ...template, spec: renewed.spec });
      return keep(changed, renewed.injection, installation, workload.object);
    },
  };
}

/** What is left to do on an object whose injection counts. */
function keep(
  workload: Workload,
  injection: Injection,
  { openshift, workflow }: Pick<Installation, "openshift" | "workflow">,
  submitted = workload.object,
): Verdict {
  const { template, path } = workload;
  const problems = checkProcessesAgain(template.spec, path, injection, openshift);
  if (problems.length > 0) return denied(problems, []);
  const ordered = afterSidecars(template.spec, injection);
  const spec = isPod(workload)
    ? withInputVolume(ordered, injection, template.metadata?.annotations)
    : ordered;
  const moved = holdAgain(putBack(workload, { ...template, spec }), workflow);
  return changed(submitted, moved.object, [], "moved");
}

function withoutLeftOvers(workload: Workload): Settled {
  const problems = checkLeftOver(workload.template.spec, workload.path);
  return problems.length > 0 ? { verdict: denied(problems, []) } : { workload };
}

function earlierInjection(workload: Workload, marked: boolean): Injection | undefined {
  const { spec } = workload.template;
  const recorded = recordedInjection(spec);
  if (recorded || !marked) return recorded;
  const own = ownAnnotations(workload);
  const below = podAnnotations(workload);
  return legacyInjection(spec, own) ?? legacyInjection(spec, below);
}

function counts(workload: Workload, injection: Injection, isRecorded: boolean, namespace: string): boolean {
  const own = ownAnnotations(workload);
  if (isMadeFromInjected(workload, injection, namespace)) return true;
  // What only looks like an injection may lack a container: the one with the record.
  if (!isRecorded) return false;
  const below = podAnnotations(workload);
  return (
    workload.template.metadata?.labels?.[names.injectedLabel] !== undefined &&
    isWhole(workload.template.spec, injection) &&
    markedDigest(own) === digestOf({ ...below, ...own }, namespace) &&
    (!isAnnotated(below) || markedDigest(below) === digestOf(below, namespace))
  );
}

/**
 * Whether a controller made a Pod from what was injected in this namespace. A Job was settled when it was created, with
 * annotations that its Pods may not have (its output, for one): another webhook, which changed a label or a command of
 * such a Pod since, must not make it lose them. Templates of other controllers are not injected: one that is annotated
 * was exported, and its annotations say what is to be done.
 */
function isMadeFromInjected(workload: Workload, injection: Injection, namespace: string): boolean {
  if (!isPod(workload) || (injection.namespace ?? namespace) !== namespace) return false;
  if (!ownedByJob(workload) && (isAnnotated(ownAnnotations(workload)) || !ownedByController(workload)))
    return false;
  const { spec } = workload.template;
  const present = findInjection(spec, injection);
  return (
    present !== undefined &&
    (spec.containers.some(present.wrapped) || (spec.initContainers ?? []).some(present.isAddedInit))
  );
}
