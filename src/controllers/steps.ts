import type { Logger } from "pino";
import type { KubeClient } from "../kube/client.ts";
import { type Controller, watchOf } from "../kube/controller.ts";
import type { EventRecorder } from "../kube/events.ts";
import { forgetOldest } from "../kube/forget.ts";
import { keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { type Outcome, outcomesOf } from "./outcomes.ts";
import type { StepPod } from "./step-pods.ts";
import { tellStep } from "./tell-step.ts";

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
    forgetOldest(told, mostRemembered);
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
      }
      await tellStep(
        { client, publish },
        pod,
        news.map(({ note }) => note),
      );
      return undefined;
    },
  };
}
