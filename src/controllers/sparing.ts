import { LRUCache } from "lru-cache";

/** An answer, and when to ask again, if at all. */
interface Answer {
  readonly againInMs?: number | undefined;
}

const mostMs = 300_000;
/** After one second, half a minute; after ten times as long, a hundred times as long. */
const pauseMsPerSecondSquared = 30_000;
const mostRemembered = 10_000;

/**
 * Asks those less often who take long to answer. Workers wait for answers, and are few: whoever may write an OrasCache may
 * have a registry that takes connections and says nothing, and changes it all the time.
 *
 * @param now - milliseconds
 * @returns (whose answer it is, who runs there, how to ask) => the answer; while it is not asked again, the one of before, if
 *   the same runs there
 */
export function createSparing<T extends Answer>(
  now: () => number = () => performance.now(),
): (key: string, running: string, ask: () => Promise<T>) => Promise<T | Answer> {
  const memories = new LRUCache<
    string,
    { readonly until: number; readonly running: string; readonly answer: T }
  >({
    max: mostRemembered,
  });
  return async (key, running, ask) => {
    const memory = memories.get(key);
    const pause = (memory?.until ?? 0) - now();
    if (memory !== undefined && pause > 0) {
      // What another start has said is no fault of this one.
      return { ...(memory.running === running ? memory.answer : {}), againInMs: pause };
    }
    const begun = now();
    const answer = await ask();
    const seconds = (now() - begun) / 1_000;
    const waitMs = Math.min(pauseMsPerSecondSquared * seconds ** 2, mostMs);
    memories.set(key, { until: now() + waitMs, running, answer });
    return answer.againInMs === undefined
      ? answer
      : { ...answer, againInMs: Math.max(answer.againInMs, waitMs) };
  };
}
