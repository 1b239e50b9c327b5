import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { type Controller, watchOf } from "../kube/controller.ts";
import type { EventRecorder } from "../kube/events.ts";
import { indexBy } from "../kube/index-by.ts";
import { type KubeObject, keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { hasEnded, type StepPod } from "./step-pods.ts";

type Mirror<T extends KubeObject> = Pick<Reflector<T>, "store" | "subscribe" | "synced">;

/** What telling of missing caches needs. */
interface MissingCacheSettings {
  readonly caches: Mirror<StoredOrasCache>;
  /** A mirror of the injected Pods. */
  readonly pods: Mirror<StepPod>;
  readonly publish: EventRecorder;
}

/** A namespace may have many; a sentence names this many at most. */
const mostNames = 10;

/**
 * The controller that tells a Pod which waits for an OrasCache that is not there, at once and with the names of those
 * that are: the Pod itself can only say that a name does not resolve, minutes later.
 *
 * @param settings - see there
 */
export function missingCacheController({ caches, pods, publish }: MissingCacheSettings): Controller {
  const usersOf = indexBy(pods, cacheKeyOf);
  const namesIn = indexBy(caches, ({ metadata }) => metadata?.namespace);
  return {
    name: "missing-cache",
    watches: [
      watchOf(pods, (now, before) => (now && !before ? [keyOf(now)] : [])),
      watchOf(caches, (now, before) => (now ? [] : usersOf(keyOf(before ?? {})).map(keyOf))),
    ],
    reconcile: async (key) => {
      const pod = pods.store.get(key);
      const cache = pod && cacheKeyOf(pod);
      if (pod === undefined || cache === undefined || hasEnded(pod) || caches.store.get(cache))
        return undefined;
      const { namespace = "" } = pod.metadata ?? {};
      const there = namesIn(namespace).map(({ metadata }) => metadata?.name ?? "");
      publish(pod, {
        type: "Warning",
        reason: "CacheNotFound",
        action: "Wait",
        note: sentence(cache, there),
      });
      return undefined;
    },
  };
}

function cacheKeyOf({ metadata }: StepPod): string | undefined {
  const cache = metadata?.labels?.[names.usesCacheLabel];
  return cache && `${metadata?.namespace}/${cache}`;
}

function sentence(cache: string, there: string[]): string {
  const [namespace, name] = cache.split("/");
  const some = there.sort().slice(0, mostNames).join(", ");
  const more = there.length > mostNames ? ` and ${there.length - mostNames} more` : "";
  const which = there.length > 0 ? `it has: ${some}${more}` : "it has none";
  return `There is no ${names.kind} "${name}" in namespace "${namespace}"; ${which}. This Pod waits for its registry.`;
}
