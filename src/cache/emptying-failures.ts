/** What is known of an emptying that does not succeed. */
export interface Failing {
  /** How often in a row, and since when, in milliseconds since 1970. */
  readonly times: number;
  readonly since: number;
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
 * @param before - undefined where the last try did not fail
 * @param failed - how this one did
 * @param now - milliseconds since 1970
 */
export function failsAgain(
  before: Failing | undefined,
  failed: FailedTry,
  now: number,
): { readonly failing: Failing; readonly isTold: boolean; readonly againInMs: number } {
  const { times, since, told } = before ?? { times: 0, since: now };
  const isKnown = failed.isSaid || (!failed.isStarting && now - since >= silentForMs);
  const isTold = isKnown && (told?.why !== failed.why || now - told.at >= againMs);
  const next = isTold ? { why: failed.why, at: now } : told;
  // Who is only waited for is asked as soon as it answers.
  const againInMs = isKnown ? Math.min(firstMs * 2 ** times, longestMs) : firstMs;
  const failing = { times: isKnown ? times + 1 : 0, since, ...(next === undefined ? {} : { told: next }) };
  return { failing, isTold, againInMs };
}
