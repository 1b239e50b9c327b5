import type { Logger } from "pino";
import type { StoredOrasCache } from "../cache/types.ts";
import type { Transfer } from "../common/transfer.ts";
import type { KubeClient } from "../kube/client.ts";
import { type Controller, watchOf } from "../kube/controller.ts";
import type { EventRecorder } from "../kube/events.ts";
import { forgetOldest } from "../kube/forget.ts";
import { keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { withLoss } from "./lost-inputs.ts";
import { type Outcome, outcomesOf, pullsOf } from "./outcomes.ts";
import { cacheOfStep } from "./step-arrivals.ts";
import type { StepPod } from "./step-pods.ts";
import type { TagMakers } from "./tag-makers.ts";
import { tellStep } from "./tell-step.ts";

/** What telling of steps needs. */
interface StepSettings {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly countOutcome: (namespace: string, reason: string, pushed?: Transfer) => void;
  readonly countPull: (namespace: string, pulled: Transfer) => void;
  /** When the leader before was last there: what had ended by then it has counted. Undefined: there was none. */
  readonly countedUntil: Date | undefined;
  readonly publish: EventRecorder;
  /** A mirror of the injected Pods. */
  readonly pods: Pick<Reflector<StepPod>, "store" | "subscribe" | "synced">;
  readonly caches: Pick<Reflector<StoredOrasCache>, "store">;
  readonly makers: TagMakers;
}

/** The next leader reports what ended in between; what is older was reported. */
const longestGapMs = 60_000;
const mostRemembered = 20_000;

/**
 * The controller that turns the termination messages of injected Pods into Events and metrics.
 *
 * @param settings - see there
 */
export function stepController(settings: StepSettings): Controller {
  const { client, log, countOutcome, countPull, publish, pods, caches, makers } = settings;
  const since = client.now() - longestGapMs;
  // An Event that two leaders tell of is one Event, by its name; a counter has no such thing.
  // The times of a Pod are whole seconds: what ended in that of the handover may be counted by both, not by neither.
  const counted = wholeSecond(settings.countedUntil?.getTime() ?? client.now());
  const told = new Set<string>();
  const isUntold = (pod: StepPod, of: string, finishedAt: Date) =>
    finishedAt.getTime() >= since && !told.has(`${pod.metadata?.uid}/${of}`);
  const isNews = (pod: StepPod, of: string, finishedAt: Date) => {
    if (!isUntold(pod, of, finishedAt)) return false;
    told.add(`${pod.metadata?.uid}/${of}`);
    forgetOldest(told, mostRemembered);
    return true;
  };
  const countPulls = (pod: StepPod) => {
    const news = pullsOf(pod).filter((pull) => isNews(pod, `${pull.occasion}/pulled`, pull.finishedAt));
    for (const { pulled, finishedAt } of news)
      if (finishedAt.getTime() >= counted) countPull(namespaceOf(pod), pulled);
  };
  return {
    name: "step",
    watches: [watchOf(pods, (now) => (now ? [keyOf(now)] : []))],
    reconcile: async (key) => {
      const pod = pods.store.get(key);
      if (pod === undefined) return undefined;
      countPulls(pod);
      const outcomes = () => outcomesOf(pod, (pushed) => makers.isAgain(pod, pushed));
      const idOf = ({ note }: Outcome) => `${note.occasion}/${note.reason}`;
      // Nobody is warned for what a registry can tell.
      const warns = (one: Outcome) =>
        one.note.reason === "TagMoved" && isUntold(pod, idOf(one), one.finishedAt);
      const seen = outcomes();
      const isAsked = seen.some(warns);
      if (isAsked) await makers.recall(pod);
      const news = (isAsked ? outcomes() : seen).filter((one) => isNews(pod, idOf(one), one.finishedAt));
      if (news.length === 0) return undefined;
      for (const { note, pushed, finishedAt } of news) {
        if (finishedAt.getTime() >= counted) countOutcome(namespaceOf(pod), note.reason, pushed);
        log.info({ pod: key, reason: note.reason }, note.note);
      }
      const cache = caches.store.get(cacheOfStep(pod) ?? "");
      const notes = news.map(({ note }) => withLoss(note, cache));
      await tellStep({ client, publish }, pod, notes);
      return undefined;
    },
  };
}

function namespaceOf({ metadata }: StepPod): string {
  return metadata?.namespace ?? "";
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000;
}
