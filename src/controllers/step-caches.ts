import { names } from "../../schema/names.ts";
import { conditionOf } from "../cache/status.ts";
import type { Condition, StoredOrasCache } from "../cache/types.ts";
import type { KubeClient } from "../kube/client.ts";
import { type Controller, watchOf } from "../kube/controller.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { indexBy } from "../kube/index-by.ts";
import { type KubeObject, keyOf, nameOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { cacheOfStep } from "./step-arrivals.ts";
import { hasEnded, type StepPod } from "./step-pods.ts";
import { tellStep } from "./tell-step.ts";

type Mirror<T extends KubeObject> = Pick<Reflector<T>, "store" | "subscribe" | "synced">;

/** What telling steps of their caches needs. */
interface StepCacheSettings {
  readonly client: KubeClient;
  readonly caches: Mirror<StoredOrasCache>;
  /** A mirror of the injected Pods. */
  readonly pods: Mirror<StepPod>;
  readonly publish: EventRecorder;
}

/** A namespace may have many; a sentence names this many at most. */
const mostNames = 10;

/**
 * The controller that tells a Pod, and its Job, at once when it waits for an OrasCache that is not there or that has a
 * problem. The Pod itself can only say minutes later that a name does not resolve or that a registry does not answer.
 *
 * @param settings - see there
 */
export function stepCacheController({ client, caches, pods, publish }: StepCacheSettings): Controller {
  const usersOf = indexBy(pods, cacheOfStep);
  const namesIn = indexBy(caches, ({ metadata }) => metadata?.namespace);
  return {
    name: "step-cache",
    watches: [
      watchOf(pods, (now, before) => (now && !before ? [keyOf(now)] : [])),
      watchOf(caches, (now, before) => {
        const isNews =
          now === undefined || problemOf(now)?.message !== (before && problemOf(before)?.message);
        return isNews ? usersOf(keyOf(now ?? before ?? {})).map(keyOf) : [];
      }),
    ],
    reconcile: async (key) => {
      const pod = pods.store.get(key);
      const cacheKey = pod && cacheOfStep(pod);
      if (pod === undefined || cacheKey === undefined || hasEnded(pod)) return undefined;
      const cache = caches.store.get(cacheKey);
      const note = cache
        ? notReady(cache)
        : notFound(
            cacheKey,
            namesIn(pod.metadata?.namespace ?? "").map(({ metadata }) => metadata?.name ?? ""),
          );
      if (note) await tellStep({ client, publish }, pod, [note]);
      return undefined;
    },
  };
}

function notFound(cache: string, there: string[]): EventNote {
  const { namespace, name } = nameOf(cache);
  const some = there.sort().slice(0, mostNames).join(", ");
  const more = there.length > mostNames ? ` and ${there.length - mostNames} more` : "";
  const which = there.length > 0 ? `it has: ${some}${more}` : "it has none";
  return {
    type: "Warning",
    reason: "CacheNotFound",
    action: "Wait",
    note: `There is no ${names.kind} "${name}" in namespace "${namespace}"; ${which}. This step waits for its registry.`,
  };
}

function notReady(cache: StoredOrasCache): EventNote | undefined {
  const problem = problemOf(cache);
  if (problem === undefined) return undefined;
  return {
    type: "Warning",
    reason: "CacheNotReady",
    action: "Wait",
    note: `The registry of ${names.kind} "${cache.metadata?.name}" cannot be used (${problem.reason}): ${problem.message} This step waits for it where it pulls and pushes.`,
  };
}

/**
 * Why steps cannot use a registry; undefined where they can, or where it is only starting. A problem that leaves the
 * registry available is the owner's.
 */
function problemOf({ status }: StoredOrasCache): Condition | undefined {
  const degraded = conditionOf(status, "Degraded");
  const available = conditionOf(status, "Available");
  if (degraded?.status === "True" && degraded.reason === "AuthNotEnforced") return degraded;
  if (available?.status !== "False") return undefined;
  if (available.reason === "Suspended") return available;
  return degraded?.status === "True" ? degraded : undefined;
}
