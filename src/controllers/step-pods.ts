import type { V1Container, V1ContainerStatus, V1Pod, V1PodStatus } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { isAnnotated, isOurs } from "../annotations/map.ts";
import type { Values } from "../annotations/variables.ts";
import { loginsIn } from "../cache/logins-in-use.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { Share } from "../kube/share.ts";
import { planOf, type StepPlan } from "../workflow/step.ts";
import { valuesOfPod } from "../workload/pod.ts";
import { canRestartAll } from "../workload/restarts.ts";
import { isInjected } from "./outcomes.ts";
import { memoizedReason } from "./step-jobs.ts";

/** An injected Pod. */
export type StepPod = V1Pod &
  KubeObject & {
    readonly parts?: StepParts;
    readonly logins?: readonly string[];
    readonly workflow?: WorkflowParts;
  };

/** What a Pod that is a step of its own, or that waits for its inputs, has for that. */
export interface WorkflowParts {
  /** Of a Pod that has annotations of a step. */
  readonly plan?: StepPlan | undefined;
  readonly schedulingGates: readonly string[];
  /** Variables of its annotations, and of those of its Job. */
  readonly known: Values;
}

/** Which containers of a Pod do what, as the injection has recorded it. */
interface StepParts {
  readonly wrapped: readonly string[];
  /** The container that pushes; a step without an output has none where an init container pulls. */
  readonly pusher: string | undefined;
  /** Whether it pulls, too, and the wrapped containers wait for it. */
  readonly serves: boolean;
}

/** What a record of an injection has, as far as it is looked at here. */
interface Recorded {
  readonly containers: Readonly<Record<string, unknown>>;
  readonly wrapped: Readonly<Record<string, { readonly env?: readonly string[] }>>;
}

/**
 * Keeps of an injected Pod what is looked at: a cluster may have thousands that have ended.
 *
 * @param pod - as the API server has it
 * @param recorded - what was injected into it, if that is known
 * @param share - gives parts that other Pods have, too
 */
export function keepStep(pod: StepPod, recorded?: Recorded, share: Share = (part) => part): StepPod {
  const { apiVersion, kind, metadata = {}, spec, status } = pod;
  const { name, namespace, uid, resourceVersion, ownerReferences, labels, deletionTimestamp } = metadata;
  const { phase } = status ?? {};
  // One that is being deleted may still push.
  const logins = isOver(phase) ? [] : loginsIn(spec);
  const workflow = workflowOf(pod);
  const [pusher] = Object.keys(recorded?.containers ?? {});
  const serves = Object.values(recorded?.wrapped ?? {}).some(({ env }) => env?.includes(names.readyVariable));
  return {
    ...(apiVersion ? { apiVersion } : {}),
    ...(kind ? { kind } : {}),
    metadata: {
      ...{ name, namespace, uid, resourceVersion, ownerReferences, deletionTimestamp },
      ...(workflow && { creationTimestamp: metadata.creationTimestamp, annotations: ownNotes(metadata) }),
      labels: labels && share(labels),
    } as NonNullable<StepPod["metadata"]>,
    spec: share({
      ...(spec?.restartPolicy ? { restartPolicy: spec.restartPolicy } : {}),
      ...(spec?.activeDeadlineSeconds ? { activeDeadlineSeconds: spec.activeDeadlineSeconds } : {}),
      containers: keepContainers(spec?.containers),
      initContainers: keepContainers(spec?.initContainers),
    }),
    status: keepStatus(pod, workflow),
    ...(workflow && { workflow }),
    ...(logins.length > 0 && { logins: share(logins) }),
    ...(recorded && { parts: share({ wrapped: Object.keys(recorded.wrapped), pusher, serves }) }),
  };
}

function keepStatus(pod: StepPod, workflow: WorkflowParts | undefined): V1PodStatus {
  const { phase, startTime, containerStatuses, initContainerStatuses, ephemeralContainerStatuses } =
    pod.status ?? {};
  const over = hasEnded(pod);
  const kept = (all: readonly V1ContainerStatus[] = []) =>
    all.filter(({ state }) => !over || state?.terminated !== undefined);
  return {
    ...(phase ? { phase } : {}),
    ...(startTime ? { startTime } : {}),
    ...toldIn(workflow, pod),
    containerStatuses: kept(containerStatuses),
    initContainerStatuses: kept(initContainerStatuses),
    ...(ephemeralContainerStatuses?.length && { ephemeralContainerStatuses }),
  };
}

/** Whether a Pod's condition says that its inputs are there. */
function toldIn(
  workflow: WorkflowParts | undefined,
  { status }: StepPod,
): Pick<V1PodStatus, "conditions" | "reason"> {
  if (workflow === undefined) return {};
  const reason = status?.reason === memoizedReason ? { reason: memoizedReason } : {};
  return {
    ...reason,
    conditions: (status?.conditions ?? []).filter(({ type }) => type === names.inputsAvailable),
  };
}

function workflowOf(pod: StepPod): WorkflowParts | undefined {
  const { metadata, spec } = pod;
  const { annotations = {}, labels = {} } = metadata ?? {};
  const isStep = isAnnotated(annotations);
  if (!isStep && labels[names.waitingLabel] === undefined) return undefined;
  const known = valuesOfPod(pod);
  const asked = Object.fromEntries(Object.entries(annotations).filter(([key]) => isOurs(key)));
  return {
    known,
    ...(isStep && { plan: planOf(asked, known, annotations[names.gateAnnotation]) }),
    schedulingGates: (spec?.schedulingGates ?? []).map((gate) => gate.name),
  };
}

/** What the operator itself has written on a step that waits. */
function ownNotes({ annotations = {} }: NonNullable<StepPod["metadata"]>): Record<string, string> {
  const kept = [
    names.gateAnnotation,
    names.waitingForAnnotation,
    names.inputDigestsAnnotation,
    names.requestAnnotation,
    names.memoKeyAnnotation,
    names.memoClaimAnnotation,
    names.kueueGatesAnnotation,
  ];
  return Object.fromEntries(
    kept.flatMap((key) => (annotations[key] === undefined ? [] : [[key, annotations[key]]])),
  );
}

/** The step's own containers, and those that may restart them. */
function keepContainers(all: readonly V1Container[] = []): V1Container[] {
  return all
    .filter((container) => isInjected(container) || canRestartAll(container))
    .map(({ name, args = [], volumeMounts = [], restartPolicy, restartPolicyRules }) => ({
      name,
      volumeMounts: volumeMounts.filter((mount) => mount.name === names.shareVolume),
      args: args.filter((word) => /^--(policy|push-on)(=|$)/.test(word)),
      ...(restartPolicy ? { restartPolicy } : {}),
      ...(restartPolicyRules ? { restartPolicyRules } : {}),
    }));
}

/** Whether a Pod has ended or is being deleted. */
export function hasEnded({ metadata, status }: StepPod): boolean {
  return metadata?.deletionTimestamp !== undefined || isOver(status?.phase);
}

/** Whether a Pod has ended by itself: one that is deleted before has not. */
export function hasRunPod({ metadata, status }: StepPod): boolean {
  return metadata?.deletionTimestamp === undefined && isOver(status?.phase);
}

function isOver(phase = ""): boolean {
  return ["Succeeded", "Failed"].includes(phase);
}
