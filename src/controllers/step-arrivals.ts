import { names } from "../../schema/names.ts";
import { type Watch, watchOf } from "../kube/controller.ts";
import type { Reflector } from "../kube/reflector.ts";
import { hasEnded, type StepPod } from "./step-pods.ts";

/** Of which caches a step has come since the Secret with their login was looked at. */
export interface StepArrivals {
  readonly watch: Watch;
  /**
   * After how many milliseconds to look at that Secret.
   *
   * @returns 0 for now; undefined while no step has come
   */
  readonly lookInMs: (cache: string) => number | undefined;
  /**
   * Does what may look at that Secret. A step that has come waits until that was done without an error.
   *
   * @param work - told whether a step waits
   */
  readonly looking: <T>(
    cache: string,
    work: (awaited: boolean) => AsyncIterable<T>,
  ) => AsyncGenerator<T, void>;
  readonly forget: (cache: string) => void;
}

/** As long as the kubelet takes to show a Secret to a Pod that runs; so looking more often would help no step. */
const gapMs = 60_000;

/** The key of the cache that a step uses. */
export function cacheOfStep({ metadata }: StepPod): string | undefined {
  const cache = metadata?.labels?.[names.usesCacheLabel];
  return cache && `${metadata?.namespace}/${cache}`;
}

/**
 * Remembers arrivals of steps. The operator may not read Secrets, so it cannot see that somebody deleted one; to create it
 * again costs a request, which is spent where a step may wait for it.
 *
 * @param pods - a mirror of the injected Pods
 * @param now - the time in milliseconds
 */
export function createStepArrivals(
  pods: Pick<Reflector<StepPod>, "store" | "subscribe" | "synced">,
  now: () => number = () => performance.now(),
): StepArrivals {
  const come = new Set<string>();
  const lookedAt = new Map<string, number>();
  const lookInMs = (cache: string) => {
    if (!come.has(cache)) return undefined;
    const last = lookedAt.get(cache);
    return last === undefined ? 0 : Math.max(0, last + gapMs - now());
  };
  return {
    watch: watchOf(pods, (pod, before) => {
      const cache = pod && !before && !hasEnded(pod) ? cacheOfStep(pod) : undefined;
      if (cache === undefined) return [];
      come.add(cache);
      return [cache];
    }),
    lookInMs,
    looking: async function* (cache, work) {
      const awaited = lookInMs(cache) === 0;
      if (awaited) {
        // Before it is done: who comes meanwhile may come too late for this look.
        come.delete(cache);
        lookedAt.set(cache, now());
      }
      try {
        yield* work(awaited);
      } catch (error) {
        if (awaited) {
          come.add(cache);
          lookedAt.delete(cache);
        }
        throw error;
      }
    },
    forget: (cache) => {
      come.delete(cache);
      lookedAt.delete(cache);
    },
  };
}
