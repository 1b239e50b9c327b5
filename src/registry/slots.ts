/** Runs work when there is room for it. */
export type Slots = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/**
 * Limits how much work is done at once; other work waits, until its signal ends the wait.
 *
 * @param most - at once
 * @param mostWaiting - that wait; what comes on top is refused at once
 * @param refuse - makes the error of work that gets no turn
 */
export function createSlots(most: number, mostWaiting: number, refuse: () => Error): Slots {
  let running = 0;
  const waiting = new Set<() => void>();

  const turn = (signal: AbortSignal): Promise<void> => {
    if (running < most) {
      running++;
      return Promise.resolve();
    }
    if (waiting.size >= mostWaiting || signal.aborted) return Promise.reject(refuse());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      waiting.delete(begin);
      reject(refuse());
    };
    const begin = () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    waiting.add(begin);
    return promise;
  };

  return async (work, signal) => {
    await turn(signal);
    try {
      return await work();
    } finally {
      // Its place goes to who waits longest.
      const [next] = waiting;
      if (next === undefined) running--;
      else {
        waiting.delete(next);
        next();
      }
    }
  };
}
