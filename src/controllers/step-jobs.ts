import type { V1Job, V1JobCondition } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { isOurs, lifeLabels } from "../annotations/map.ts";
import { loginsIn } from "../cache/logins-in-use.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { Share } from "../kube/share.ts";
import { planOf, type StepPlan } from "../workflow/step.ts";

/** A Job that the operator has injected. */
export type StepJob = V1Job &
  KubeObject & {
    readonly plan?: StepPlan | undefined;
    /** Secrets with logins of OrasCaches that its Pods get, while it may make one. */
    readonly logins?: readonly string[];
  };

const ownTypes = new Set([
  "Complete",
  "Failed",
  "FailureTarget",
  "SuccessCriteriaMet",
  names.inputsAvailable,
  names.outputIndexed,
]);

/** The template of a Job was made with it, and cannot be changed: it may be held for weeks, or wait between two tries. */
function loginsOf(job: StepJob, pullSecrets: readonly string[] | undefined) {
  return stateOfJob(job) === "live" ? loginsIn(job.spec?.template.spec, pullSecrets) : [];
}

/**
 * Keeps of a Job what is looked at: thousands may wait.
 *
 * @param job - as the API server has it
 * @param recorded - what was injected into it, if that is known
 * @param share - gives parts that other Jobs have, too
 */
export function keepJob(
  job: StepJob,
  recorded?: { readonly pullSecrets?: readonly string[] },
  share: Share = (part) => part,
): StepJob {
  const { apiVersion, kind, metadata = {}, spec, status } = job;
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp } = metadata;
  const annotations = metadata.annotations ?? {};
  const all = { ...spec?.template.metadata?.annotations, ...annotations };
  const asked = Object.fromEntries(Object.entries(all).filter(([key]) => isOurs(key)));
  const kept = [
    ...[names.gateAnnotation, names.waitingForAnnotation, names.requestAnnotation],
    ...[names.memoKeyAnnotation, names.memoClaimAnnotation, names.kueueGatesAnnotation],
  ];
  const known = { JOB_NAME: name ?? "", POD_NAMESPACE: namespace ?? "" };
  const plan = planOf(asked, known, annotations[names.gateAnnotation]);
  const logins = loginsOf(job, recorded?.pullSecrets);
  const isListed = plan?.index !== undefined && status?.completionTime !== undefined;
  return {
    ...(apiVersion ? { apiVersion } : {}),
    ...(kind ? { kind } : {}),
    metadata: {
      ...{ name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp },
      labels: share(picked(metadata.labels, [...lifeLabels, names.kueueQueueLabel])),
      annotations: picked({ ...annotations, ...pinsIn(spec) }, [...kept, names.inputDigestsAnnotation]),
    } as NonNullable<StepJob["metadata"]>,
    spec: share({
      ...(spec?.suspend === undefined ? {} : { suspend: spec.suspend }),
      ...(spec?.completions === undefined ? {} : { completions: spec.completions }),
      ...(spec?.parallelism === undefined ? {} : { parallelism: spec.parallelism }),
      ...(spec?.managedBy === undefined ? {} : { managedBy: spec.managedBy }),
    } as NonNullable<V1Job["spec"]>),
    status: {
      ...(status?.startTime ? { startTime: status.startTime } : {}),
      ...(isListed && { completionTime: status.completionTime, completedIndexes: status.completedIndexes }),
      conditions: (status?.conditions ?? [])
        .filter(({ type }) => ownTypes.has(type))
        .map((one) => keepCondition(one, share)),
    },
    plan: plan && { ...plan, memo: share(plan.memo) },
    ...(logins.length > 0 && { logins: share(logins) }),
  };
}

/** Of its time the last change counts. */
function keepCondition(condition: V1JobCondition, share: Share): V1JobCondition {
  const { lastProbeTime: _, lastTransitionTime, message, ...rest } = condition;
  return {
    ...share(rest),
    ...(lastTransitionTime && { lastTransitionTime }),
    ...(message === undefined ? {} : { message }),
  };
}

/** What its Pods read stands in its template, from when it was opened. */
function pinsIn(spec: V1Job["spec"]): Readonly<Record<string, string>> {
  const pins = spec?.template.metadata?.annotations?.[names.inputDigestsAnnotation];
  return pins === undefined ? {} : { [names.inputDigestsAnnotation]: pins };
}

function picked(map: Readonly<Record<string, string>> = {}, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([key]) => keys.includes(key)));
}

/**
 * Who else writes the status of a Job, as its `managedBy` says. The operator leaves it alone then: what it writes there would be
 * overwritten, or taken for what the other one has done.
 *
 * @param job - as the API server stores it
 */
export function otherManagerOf({ spec }: Pick<V1Job, "spec">): string | undefined {
  return spec?.managedBy === names.jobController ? undefined : spec?.managedBy;
}

/** The reason of what ends a step that takes a result which is there already. */
export const memoizedReason = "Memoized";

/** Whether a Job has ended, and how; one that is being deleted pushes nothing any more. */
export function stateOfJob({ metadata, status }: StepJob): "live" | "succeeded" | "failed" {
  const isTrue = (type: string) =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === "True");
  const takesResult = ({ type, status: value, reason }: V1JobCondition) =>
    type === "SuccessCriteriaMet" && value === "True" && reason === memoizedReason;
  if (isTrue("Complete") || status?.conditions?.some(takesResult)) return "succeeded";
  return isTrue("Failed") || isTrue("FailureTarget") || metadata?.deletionTimestamp ? "failed" : "live";
}

/** Whether a Job has ended by itself: one that is deleted before has not. */
export function hasRunJob({ status }: StepJob): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status: value }) => value === "True" && (type === "Complete" || type === "Failed"),
  );
}

/** Whether what one Pod pushes is all that the Job pushes. */
export function hasOnePod({ spec }: StepJob): boolean {
  return (spec?.completions ?? 1) <= 1 && (spec?.parallelism ?? 1) <= 1;
}
