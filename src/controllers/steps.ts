import type { V1OwnerReference } from "@kubernetes/client-node";
import type { Logger } from "pino";
import type { KubeClient } from "../kube/client.ts";
import { type Controller, watchOf } from "../kube/controller.ts";
import type { EventRecorder } from "../kube/events.ts";
import { get, type KubeObject, keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { resources } from "../kube/resources.ts";
import { type Outcome, outcomesOf } from "./outcomes.ts";
import type { StepPod } from "./step-pods.ts";

/** What telling of steps needs. */
interface StepSettings {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly countOutcome: (reason: string, pushed?: { bytes: number; seconds: number }) => void;
  readonly publish: EventRecorder;
  /** A mirror of the injected Pods. */
  readonly pods: Pick<Reflector<StepPod>, "store" | "subscribe" | "synced">;
}

/** The next leader reports what ended in between; what is older was reported. */
const longestGapMs = 60_000;
const mostRemembered = 20_000;

/**
 * The controller that turns the termination messages of injected Pods into Events and metrics.
 *
 * @param settings - see there
 */
export function stepController({ client, log, countOutcome, publish, pods }: StepSettings): Controller {
  const since = Date.now() - longestGapMs;
  const told = new Set<string>();
  const isNews = (pod: StepPod, { note, finishedAt }: Outcome) => {
    const id = `${pod.metadata?.uid}/${note.occasion}/${note.reason}`;
    if (finishedAt.getTime() < since || told.has(id)) return false;
    told.add(id);
    const [oldest] = told;
    if (told.size > mostRemembered && oldest !== undefined) told.delete(oldest);
    return true;
  };
  return {
    name: "step",
    watches: [watchOf(pods, (now) => (now ? [keyOf(now)] : []))],
    reconcile: async (key) => {
      const pod = pods.store.get(key);
      const news = pod ? outcomesOf(pod).filter((outcome) => isNews(pod, outcome)) : [];
      if (pod === undefined || news.length === 0) return undefined;
      for (const { note, pushed } of news) {
        countOutcome(note.reason, pushed);
        log.info({ pod: key, reason: note.reason }, note.note);
        publish(pod, note);
      }
      // The Pod of a Job may be gone before anybody looks.
      const job = await jobOf(client, pod);
      if (job) for (const { note } of news) publish(job, note);
      return undefined;
    },
  };
}

/**
 * The Job of a Pod. The API server checks neither owners nor labels: the Job must exist with that UID, and count the
 * Pod among its own.
 */
async function jobOf(client: KubeClient, pod: StepPod): Promise<KubeObject | undefined> {
  const { namespace, ownerReferences = [], labels } = pod.metadata ?? {};
  const owner: V1OwnerReference | undefined = ownerReferences.find(
    ({ controller, kind, apiVersion }) => controller && kind === "Job" && apiVersion === "batch/v1",
  );
  if (owner === undefined || labels?.["batch.kubernetes.io/controller-uid"] !== owner.uid) return undefined;
  const job = await get<KubeObject>(client, resources.jobs, { namespace, name: owner.name });
  return job?.metadata?.uid === owner.uid ? job : undefined;
}
