import { annotations } from "../../annotations/table.ts";
import { gateOf } from "../../workflow/gate.ts";
import { sentences } from "../../workload/places.ts";
import { readWorkload, workloadKinds } from "../../workload/read.ts";
import { describeObject, type ManifestObject } from "../manifests/objects.ts";
import { type Finding, findingAt } from "../report/finding.ts";
import type { StepArtifacts } from "./artifacts.ts";
import { pathOfAnnotation, type Step } from "./steps.ts";

/**
 * CronJobs whose Jobs wait without an end, and pile up.
 *
 * @param steps - that nothing is wrong with
 */
export function ticksThatWait(steps: readonly StepArtifacts[]): Finding[] {
  return steps.flatMap(({ step, waits, settings }) => {
    const { kind, value } = step.object;
    if (kind !== "CronJob" || !waits || settings.waitTimeoutSeconds !== undefined) return [];
    const { concurrencyPolicy = "Allow" } = value["spec"] as { readonly concurrencyPolicy?: unknown };
    if (concurrencyPolicy !== "Allow") return [];
    return [warningAt(step, "WaitsAtEachTick", `${waitForInputs}: ${sentences.ticks}`)];
  });
}

/**
 * Quotas that Pods fill which wait for inputs. Told once per quota, where a step waits first.
 *
 * @param objects - of all files
 * @param steps - that nothing is wrong with
 */
export function quotasOfWaiting(
  objects: readonly ManifestObject[],
  steps: readonly StepArtifacts[],
): Finding[] {
  return objects.filter(countsPods).flatMap((quota) => {
    const inIt = steps.filter(
      ({ step, settings }) => step.object.namespace === quota.namespace && waitsAsPod(step, settings),
    );
    const [first, ...others] = inIt;
    if (first === undefined) return [];
    const more = others.length === 0 ? "" : ` (as those of ${others.length} more steps do)`;
    const where = `${quota.file}:${quota.at([]).line}`;
    const message = `its Pods count in ${describeObject(quota)} (${where}) while they wait for inputs${more}; if they fill it, the step that they wait for gets no Pod.`;
    return [warningAt(first.step, "WaitsInQuota", message)];
  });
}

const waitForInputs = annotations["wait-for-inputs"].key;

function warningAt(step: Step, code: "WaitsAtEachTick" | "WaitsInQuota", message: string): Finding {
  return findingAt(step.object, pathOfAnnotation(step, waitForInputs), { level: "warning", code, message });
}

/** A Job that waits suspended has no Pod. */
function waitsAsPod({ kind, value }: Step, settings: StepArtifacts["settings"]): boolean {
  const known = workloadKinds.find((each) => each.kind === kind);
  const workload = known && readWorkload(known, value);
  if (workload === undefined || !("template" in workload)) return false;
  const gate = gateOf(workload, settings, true);
  return gate === "pod" || gate === "in-pod";
}

/** Of Pods that are there, whether they run or not; `requests.storage` is of volumes. */
function countsPods({ apiVersion, kind, value }: ManifestObject): boolean {
  if (apiVersion !== "v1" || kind !== "ResourceQuota") return false;
  const { hard } = Object(value["spec"]) as { readonly hard?: object };
  return Object.keys(Object(hard) as object).some(
    (name) =>
      /^(pods|count\/pods|cpu|memory|ephemeral-storage|(requests|limits)\..+)$/.test(name) &&
      name !== "requests.storage",
  );
}
