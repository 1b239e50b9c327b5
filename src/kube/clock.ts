/** The time by which the operator decides. */
export interface Clock {
  /** Milliseconds since 1970, by the clock of the API server; by this machine's until it has answered. */
  readonly now: () => number;
  /** Learns from an answer: its header `Date`. */
  readonly hear: (date: string | undefined) => void;
}

/** The header has whole seconds, and comes a moment after it was written. */
const jitterMs = 2_000;
/** Answers that count: most of them say what time it is, so that one API server of several with another clock changes nothing. */
const mostHeard = 15;
/** What is more was set, and is followed at once; what is less is made good slowly. */
const longestSlewMs = 300_000;

/** How the time of the API server differs from the clock of this machine that nobody sets. */
interface Ahead {
  readonly byMs: number;
  /** So much more was told before; it goes by half of the time that has passed. */
  readonly overMs: number;
  readonly since: number;
}

/**
 * The clock of the API server, which dates objects and judges certificates. It goes on by a clock of this machine that nobody
 * sets, so a node whose clock is wrong, or is set while the operator runs, changes nothing. Of several API servers that take turns and
 * are minutes apart it tells a time that never goes back.
 */
export function createClock(): Clock {
  const heard: number[] = [];
  let ahead: Ahead | undefined;
  return {
    now: () => (ahead === undefined ? Date.now() : Math.floor(timeAt(performance.now(), ahead))),
    hear: (date) => {
      const since = performance.now();
      const found = Date.parse(date ?? "") - since;
      if (Number.isNaN(found)) return;
      heard.push(found);
      if (heard.length > mostHeard) heard.shift();
      const byMs = agreed(heard);
      const overMs = ahead === undefined ? 0 : timeAt(since, ahead) - since - byMs;
      ahead = { byMs, overMs: overMs > longestSlewMs ? 0 : overMs, since };
    },
  };
}

function timeAt(time: number, { byMs, overMs, since }: Ahead): number {
  return time + byMs + Math.max(0, overMs - (time - since) / 2);
}

/** What most answers say. What was cut off and what it took make each of them too small. */
function agreed(heard: readonly number[]): number {
  const middle = heard.toSorted((a, b) => a - b)[heard.length >> 1] ?? 0;
  return Math.max(...heard.filter((one) => Math.abs(one - middle) < jitterMs));
}

/**
 * A time as Kubernetes writes it: RFC 3339 in whole seconds.
 *
 * @param ms - since 1970
 */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
