/** The time by which the operator decides. */
export interface Clock {
  /** Milliseconds since 1970, by the clock of the API server; by this machine's until it has answered. */
  readonly now: () => number;
  /** Learns from an answer: its header `Date`. */
  readonly hear: (date: string | undefined) => void;
}

/** The header has whole seconds, and comes a moment after it was written. */
const jitterMs = 2_000;

/**
 * The clock of the API server, which dates objects and judges certificates. It goes on by a clock of this machine that nobody
 * sets, so a node whose clock is wrong, or is set while the operator runs, changes nothing.
 */
export function createClock(): Clock {
  let ahead: number | undefined;
  return {
    now: () => (ahead === undefined ? Date.now() : Math.floor(performance.now() + ahead)),
    hear: (date) => {
      const found = Date.parse(date ?? "") - performance.now();
      if (Number.isNaN(found)) return;
      // What was cut off and what it took make each of them too small.
      const isSame = ahead !== undefined && Math.abs(found - ahead) < jitterMs;
      ahead = isSame ? Math.max(found, ahead ?? found) : found;
    },
  };
}

/**
 * A time as Kubernetes writes it: RFC 3339 in whole seconds.
 *
 * @param ms - since 1970
 */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
