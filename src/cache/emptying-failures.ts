/** What is known of an emptying that does not succeed. */
export interface Failing {
  /** How often. */
  readonly times: number;
  /** Since when the keeper does not answer, in milliseconds since 1970. */
  readonly silentSince?: number | undefined;
  readonly told?: { readonly why: string; readonly at: number };
}

/** A try that failed. */
export interface FailedTry {
  readonly why: string;
  /** Whether the keeper said so; else there was none that answered. */
  readonly isSaid: boolean;
  /** Whether the keeper's Pod has just started, or is just being replaced. */
  readonly isStarting: boolean;
}

const firstMs = 3_000;
const longestMs = 60_000;
/** A keeper that is started again, as by a change of its Pod, answers by then. */
const silentForMs = 10_000;
/** An API server forgets Events after an hour. */
const againMs = 30 * 60_000;

/**
 * What becomes of a failure: it is told when it is a new one, and once in a while; the pauses grow.
 *
 * @param before - undefined where none has failed
 * @param failed - how this one did
 * @param now - milliseconds since 1970
 */
export function failsAgain(
  before: Failing | undefined,
  failed: FailedTry,
  now: number,
): { readonly failing: Failing; readonly isTold: boolean; readonly againInMs: number } {
  const { times, told } = before ?? { times: 0 };
  const silentSince = failed.isSaid ? undefined : (before?.silentSince ?? now);
  const isKnown = silentSince === undefined || (!failed.isStarting && now - silentSince >= silentForMs);
  const isTold = isKnown && (told?.why !== failed.why || now - told.at >= againMs);
  const next = isTold ? { why: failed.why, at: now } : told;
  // Who is only waited for is asked as soon as it answers.
  const againInMs = isKnown ? Math.min(firstMs * 2 ** times, longestMs) : firstMs;
  const failing = {
    times: isKnown ? times + 1 : 0,
    silentSince,
    ...(next === undefined ? {} : { told: next }),
  };
  return { failing, isTold, againInMs };
}

/**
 * What is known after a keeper has answered that it is at it: it may fail again for the same reason, which is told already.
 *
 * @param before - see there
 */
export function answered(before: Failing): Failing {
  return { ...before, silentSince: undefined };
}
