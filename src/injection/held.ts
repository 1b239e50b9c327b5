import { names } from "../../schema/names.ts";
import { type AnnotationMap, isOurs, lifeAnnotations } from "../annotations/map.ts";
import { readAnnotations } from "../annotations/parse.ts";
import type { Problem } from "../annotations/problems.ts";
import type { Defaults, Settings } from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import type { Warning } from "../annotations/warning.ts";
import { decidedDefaults, gateOf, hold, release, withoutOutputs } from "../workflow/gate.ts";
import { hasKueueGate, withKueueGate } from "../workflow/kueue.ts";
import { liveAnnotations } from "../workload/places.ts";
import {
  isPod,
  ownAnnotations,
  ownedByJob,
  podAnnotations,
  putBack,
  type Workload,
} from "../workload/workload.ts";
import type { AdmissionRequest } from "./admission-types.ts";

type User = AdmissionRequest["userInfo"];

/**
 * A step that is created, held if it waits for its inputs. What the operator wrote on it in another life goes.
 *
 * @param workload - the step
 * @param settings - what its author asked for
 * @param holds - whether the installation holds steps at all
 */
export function holdAnew(workload: Workload, settings: Settings, holds: boolean): Workload {
  const gate = gateOf(workload, settings, holds);
  const isFree = gate === undefined || gate === "in-pod";
  const clean = withoutOutputs(isFree ? release(workload) : workload);
  return gate === undefined ? clean : hold(clean, gate);
}

/**
 * The same of one whose injection is whole: the second call of a review, or an object that was read from the cluster and is
 * created there again. A Pod of a Job has what the Job's template gives it.
 *
 * @param workload - the step
 * @param holds - whether the installation holds steps at all
 */
export function holdAgain(workload: Workload, holds: boolean): Workload {
  const all = { ...podAnnotations(workload), ...ownAnnotations(workload) };
  const isStep =
    outputs.some((key) => all[key] !== undefined) ||
    workload.metadata?.labels?.[names.waitingLabel] !== undefined;
  // Who exports an object may leave any of them out: to hold what is held changes nothing.
  if (ownedByJob(workload) || !isStep) return workload;
  const gate = all[names.gateAnnotation];
  // It may be held for its cache's sake, without inputs.
  const defaults: Defaults = { ...decidedDefaults(gate), ...(gate && { memoize: "on" }) };
  return holdAnew(workload, readAnnotations(all, defaults).settings, holds);
}

const outputs = [annotations["wait-for-inputs"].key, names.gateAnnotation, ...lifeAnnotations];

/** Kueue resumes a Job that has its quota; in which namespace it runs its installation decides. */
const kueue = /^system:serviceaccount:[^:]+:kueue-controller-manager$/;

/**
 * A Job that stays suspended while it waits for its inputs, whatever its manifest says of `suspend`: a second
 * `kubectl apply` of one that writes `suspend: false` would start it. One that is to wait no more is the operator's to resume,
 * too: it writes which inputs its Pods read as they are.
 *
 * @param given - as it is changed
 * @param stored - as it was
 * @param user - who changes it
 */
export function keepHeld(
  given: Workload,
  stored: Workload,
  user: User,
): { readonly workload: Workload; readonly warnings: readonly Warning[] } {
  const waits = stored.metadata?.labels?.[names.waitingLabel] === "true";
  return keepJobHeld(waits ? keepKueueGate(given, stored) : given, stored, user, waits);
}

/** Kueue would admit at once what is no longer to wait for its inputs. */
function keepKueueGate(submitted: Workload, stored: Workload): Workload {
  const { metadata } = submitted;
  if (!hasKueueGate(stored.metadata?.annotations) || hasKueueGate(metadata?.annotations)) return submitted;
  const annotations = { ...metadata?.annotations, ...withKueueGate(metadata?.annotations) };
  if (isPod(submitted))
    return putBack(submitted, { ...submitted.template, metadata: { ...metadata, annotations } });
  return putBack(submitted, submitted.template, { ...metadata, annotations });
}

function keepJobHeld(
  submitted: Workload,
  stored: Workload,
  user: User,
  waits: boolean,
): ReturnType<typeof keepHeld> {
  const unchanged = { workload: submitted, warnings: [] };
  const isGated = isPod(stored) ? waits : stored.metadata?.annotations?.[names.gateAnnotation] === "pod";
  // A PUT of its manifest has no gate: only the operator takes it away, and from a Job's template nobody.
  if (isGated) return { workload: keepGate(submitted, stored), warnings: [] };
  if (isPod(stored) || !waits) return unchanged;
  if (!isSuspended(stored) || isSuspended(submitted)) return unchanged;
  const { key } = annotations["wait-for-inputs"];
  const own = ownAnnotations(submitted);
  if (kueue.test(user?.username ?? "")) return unchanged;
  const object = submitted.object as { readonly spec: object };
  const suspended = { ...submitted, object: { ...object, spec: { ...object.spec, suspend: true } } };
  // Whoever had suspended it resumes it here: from now on it starts when its inputs are there.
  const metadata = { ...submitted.metadata, annotations: { ...own, [names.gateAnnotation]: "suspend" } };
  const workload = putBack(suspended, submitted.template, metadata);
  if (own?.[key] === "false") return { workload, warnings: [] };
  const message = `stays true: the Job waits for its inputs, see its Events. It starts when they are there, or at once if you set ${key} to "false".`;
  return { workload, warnings: [{ code: "StaysSuspended", path: "spec.suspend", message }] };
}

/**
 * What a step that waits may not become: its container has the names of its inputs, and of its output, since it was created,
 * and nobody would look at one whose annotations are refused.
 *
 * @param submitted - as it is changed
 * @param stored - as it was
 * @returns nothing where none of its annotations is changed: they may have been accepted by an earlier version
 */
export function problemsOfChange(submitted: Workload, stored: Workload): readonly Problem[] {
  const waits = stored.metadata?.labels?.[names.waitingLabel] === "true";
  // Each Pod of such a Job waits as the Job's annotations say.
  const podsWait = !isPod(stored) && stored.metadata?.annotations?.[names.gateAnnotation] === "pod";
  if (!waits && !podsWait) return [];
  const [before, after] = [stored, submitted].map((one) => ({
    ...podAnnotations(one),
    ...ownAnnotations(one),
  })) as [AnnotationMap, AnnotationMap];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)].filter(isOurs));
  const changed = [...keys].filter((key) => before[key] !== after[key]).sort();
  if (changed.length === 0) return [];
  const fixed = changed.filter((key) => !liveAnnotations.includes(key)).map(fixedProblem);
  const others = readAnnotations(after).problems.filter(
    ({ path }) => !fixed.some((one) => one.path === path),
  );
  return [...fixed, ...others];
}

function fixedProblem(path: string): Problem {
  const message = `it cannot be changed while the step waits for its inputs; allowed are changes of ${liveAnnotations.join(", ")}.`;
  return { code: "FixedWhileWaiting", path, message };
}

function keepGate(submitted: Workload, stored: Workload): Workload {
  const { template } = submitted;
  const isOurs = ({ name }: { readonly name: string }) => name === names.inputsGate;
  const gates = template.spec.schedulingGates ?? [];
  if (!stored.template.spec.schedulingGates?.some(isOurs) || gates.some(isOurs)) return submitted;
  const schedulingGates = [...gates, { name: names.inputsGate }];
  return putBack(submitted, { ...template, spec: { ...template.spec, schedulingGates } });
}

function isSuspended({ object }: Workload): boolean {
  return (object as { readonly spec?: { readonly suspend?: unknown } }).spec?.suspend === true;
}
