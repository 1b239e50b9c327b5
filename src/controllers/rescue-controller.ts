import type { Logger } from "pino";
import type { KubeClient } from "../kube/client.ts";
import { type Controller, watchOf } from "../kube/controller.ts";
import { isStatus } from "../kube/errors.ts";
import type { EventRecorder } from "../kube/events.ts";
import { keyOf, patchMerge } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { resources } from "../kube/resources.ts";
import { deadlineNow, lossOf } from "./rescue.ts";
import { hasEnded, type StepPod } from "./step-pods.ts";
import { tellStep } from "./tell-step.ts";

/** What ending steps needs. */
interface RescueSettings {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly countOutcome: (namespace: string, reason: string) => void;
  readonly publish: EventRecorder;
  /** A mirror of the injected Pods. */
  readonly pods: Pick<Reflector<StepPod>, "store" | "subscribe" | "synced">;
}

/**
 * The controller that ends Pods which wait for something that cannot come: by a deadline that is over, so that the Pod
 * fails as Pods do, with its containers' statuses and logs, and its Job goes on by its own rules.
 *
 * @param settings - see there
 */
export function rescueController(settings: RescueSettings): Controller {
  const { client, log, countOutcome, publish, pods } = settings;
  return {
    name: "rescue",
    watches: [watchOf(pods, (now) => (now && !hasEnded(now) ? [keyOf(now)] : []))],
    reconcile: async (key) => {
      const pod = pods.store.get(key);
      const loss = pod && lossOf(pod);
      if (pod === undefined || loss === undefined) return undefined;
      const now = new Date(client.now());
      const waitMs = loss.certainAt.getTime() - now.getTime();
      if (waitMs > 0) return waitMs;
      const activeDeadlineSeconds = deadlineNow(pod, now);
      if (activeDeadlineSeconds === undefined) return undefined;
      if (!(await end(client, pod, activeDeadlineSeconds))) return undefined;
      const { reason, message } = loss;
      countOutcome(pod.metadata?.namespace ?? "", reason);
      log.info({ pod: key, reason, activeDeadlineSeconds }, message);
      const note = `The operator ended the Pod ${pod.metadata?.name}, which could not end by itself. ${message}`;
      await tellStep({ client, publish }, pod, [
        { type: "Warning", reason, action: "End", note, occasion: reason },
      ]);
      return undefined;
    },
  };
}

/**
 * Sets the deadline of the very version of the Pod that was looked at. A merge patch has no other field than those that it
 * names, and makes no Pod. Server-side apply would own the field after that, and whoever applies the Pod next would have a
 * conflict.
 *
 * @returns false when the Pod has changed meanwhile, which the watch shows, or is gone
 */
async function end(client: KubeClient, pod: StepPod, activeDeadlineSeconds: number): Promise<boolean> {
  const { namespace, name, uid, resourceVersion } = pod.metadata ?? {};
  const change = { metadata: { uid, resourceVersion }, spec: { activeDeadlineSeconds } };
  try {
    await patchMerge(client, resources.pods, { namespace, name }, change);
    return true;
  } catch (error) {
    if (isStatus(error, 404, 409)) return false;
    throw error;
  }
}
