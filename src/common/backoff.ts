/** Waiting times that grow. */
export interface Backoff {
  /** The next wait in milliseconds: twice the last one, up to the longest, less up to a quarter by chance. */
  readonly next: () => number;
  /** Success: the next wait is the first again. */
  readonly reset: () => void;
}

/**
 * Exponential backoff with jitter, so that replicas do not retry at the same time.
 *
 * @param firstMs - the first wait
 * @param longestMs - the longest wait
 */
export function createBackoff(firstMs: number, longestMs: number): Backoff {
  let waitMs = firstMs;
  return {
    next: () => {
      const now = waitMs;
      waitMs = Math.min(waitMs * 2, longestMs);
      return now * (1 - Math.random() / 4);
    },
    reset: () => {
      waitMs = firstMs;
    },
  };
}
