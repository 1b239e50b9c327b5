import { forgetOldest } from "../kube/forget.ts";

/** How often something may be asked. */
export interface Pace {
  readonly perSecond: number;
  /** After a time without a question. */
  readonly atOnce: number;
}

/** Gives turns to ask: each has one, in the order in which they came. */
export interface Turns {
  /** Takes the next turn of a key; when it is, on the clock that is given. */
  readonly take: (key: string) => number;
  /** Takes it only where it is now. */
  readonly isNow: (key: string) => boolean;
  /** No more turns of a key for some milliseconds. */
  readonly stop: (key: string, forMs: number) => void;
}

const mostRemembered = 50_000;

/**
 * Turns at a pace, for each key by itself.
 *
 * @param pace - of a key
 * @param now - milliseconds, of a clock that never goes back
 */
export function createTurns({ perSecond, atOnce }: Pace, now: () => number): Turns {
  const next = new Map<string, number>();
  const everyMs = 1_000 / perSecond;
  const nextOf = (key: string) =>
    Math.max(next.get(key) ?? Number.NEGATIVE_INFINITY, now() - (atOnce - 1) * everyMs);
  const set = (key: string, at: number) => {
    next.delete(key);
    next.set(key, at);
    forgetOldest(next, mostRemembered);
  };
  const take = (key: string) => {
    const at = nextOf(key);
    set(key, at + everyMs);
    return at;
  };
  return {
    take,
    isNow: (key) => nextOf(key) <= now() && take(key) <= now(),
    stop: (key, forMs) => set(key, Math.max(nextOf(key), now() + forMs)),
  };
}
