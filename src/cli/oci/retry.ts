import { setTimeout as delay } from "node:timers/promises";
import { RegistryError } from "./errors.ts";

/** How often, and how patiently, something is tried again. */
export interface Retries {
  /** Whether another try may help. */
  readonly isPassing: (error: unknown) => boolean;
  /** Told before each further try. */
  readonly onRetry?: ((error: unknown) => void) | undefined;
  readonly firstWaitMs?: number;
  /** Aborted when nobody waits for the outcome any more. */
  readonly signal?: AbortSignal;
}

/** Together half a minute: a container that is killed is there again by then. */
const mostTries = 7;
const firstWaitMs = 500;

/**
 * Tries again what may succeed later.
 *
 * @param run - told what counts as progress: after it, all tries are there again
 * @param retries - see there
 */
export async function withRetries<T>(
  run: (progress: () => void) => Promise<T>,
  retries: Retries,
): Promise<T> {
  let tries = 0;
  const progress = () => {
    tries = 0;
  };
  for (;;) {
    try {
      return await run(progress);
    } catch (error) {
      tries++;
      const { isPassing, onRetry, firstWaitMs: firstMs, signal } = retries;
      if (signal?.aborted || tries >= mostTries || !isPassing(error)) throw error;
      onRetry?.(error);
      await delay(pauseMs(error, tries, firstMs), undefined, signal && { signal });
    }
  }
}

/**
 * How long to wait before another try: as long as the registry asks for, if that is longer than who asks nothing waits.
 *
 * @param error - of the last try
 * @param tries - that failed
 * @param firstMs - after the first one
 */
export function pauseMs(error: unknown, tries: number, firstMs = firstWaitMs): number {
  return Math.max(firstMs * 2 ** (tries - 1), error instanceof RegistryError ? error.waitMs : 0);
}
