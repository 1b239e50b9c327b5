import type { V1OwnerReference, V1Pod } from "@kubernetes/client-node";
import type { Logger } from "pino";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../kube/client.ts";
import { sentenceOf } from "../kube/errors.ts";
import type { EventRecorder } from "../kube/events.ts";
import type { KubeObject } from "../kube/objects.ts";
import { startReflector } from "../kube/reflector.ts";
import { resources } from "../kube/resources.ts";
import { outcomesOf } from "./outcomes.ts";

/** What watching steps needs. */
interface Watching {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly metrics: {
    readonly countOutcome: (reason: string, pushed?: { bytes: number; seconds: number }) => void;
  };
  readonly publish: EventRecorder;
  readonly signal: AbortSignal;
}

type StepPod = V1Pod & KubeObject;

/** Who leads next tells of what ended in between; what is older was told. */
const longestGapMs = 60_000;

/**
 * Turns the termination messages of injected Pods into Events and metrics, until the signal ends it.
 *
 * @param watching - see there
 * @returns what settles when it has stopped
 */
export function watchSteps({ client, log, metrics, publish, signal }: Watching): { stopped: Promise<void> } {
  const since = Date.now() - longestGapMs;
  const told = new Set<string>();
  const tell = (pod: StepPod) => {
    for (const { note, finishedAt, pushed } of outcomesOf(pod)) {
      const id = `${pod.metadata?.uid}/${note.occasion}`;
      if (finishedAt.getTime() < since || told.has(id)) continue;
      told.add(id);
      metrics.countOutcome(note.reason, pushed);
      log.info({ pod: `${pod.metadata?.namespace}/${pod.metadata?.name}`, reason: note.reason }, note.note);
      publish(pod, note);
      // The Pod of a Job may be gone before anybody looks.
      const job = pod.metadata?.ownerReferences?.find((owner) => owner.controller && owner.kind === "Job");
      if (job && note.type === "Warning") publish(objectOf(job, pod.metadata?.namespace), note);
    }
  };
  const { stopped } = startReflector<StepPod>({
    client,
    resource: resources.pods,
    labelSelector: `${names.injectedLabel}=true`,
    keep: statusOnly,
    onChange: (_key, pod, before) => {
      if (pod) tell(pod);
      else
        for (const { note } of outcomesOf(before ?? {}))
          told.delete(`${before?.metadata?.uid}/${note.occasion}`);
    },
    onTrouble: (error, retryInMs) =>
      log.warn({ error: sentenceOf(error), retryInMs }, "the watch of steps' Pods is behind"),
    signal,
  });
  return { stopped };
}

/** A cluster may have thousands of Pods that have ended: of each only what is looked at is kept. */
function statusOnly({ apiVersion, kind, metadata = {}, status }: StepPod): StepPod {
  const { name, namespace, uid, resourceVersion, ownerReferences } = metadata;
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  const ended = (all: typeof containerStatuses) => all.filter(({ state }) => state?.terminated !== undefined);
  return {
    ...(apiVersion ? { apiVersion } : {}),
    ...(kind ? { kind } : {}),
    metadata: { name, namespace, uid, resourceVersion, ownerReferences } as NonNullable<StepPod["metadata"]>,
    status: {
      containerStatuses: ended(containerStatuses),
      initContainerStatuses: ended(initContainerStatuses),
    },
  };
}

function objectOf({ apiVersion, kind, name, uid }: V1OwnerReference, namespace?: string): KubeObject {
  return { apiVersion, kind, metadata: { name, uid, ...(namespace ? { namespace } : {}) } };
}
