import { type Backoff, createBackoff } from "../common/backoff.ts";
import { KubeError } from "../kube/errors.ts";
import { FailedTryError, NameTakenError, NotYetError } from "./obstacles.ts";

/** Tries something, but not again soon after it failed while nothing else is tried. */
export type Attempts = <T>(what: string, action: () => Promise<T>) => Promise<T>;

/**
 * Remembers one failure. A watch may wake the reconciler for many reasons; a refusal is not asked for again because of
 * them, only after a wait that doubles, or when something else is to be done.
 *
 * @param createWaits - the waits after failures
 * @returns throws a FailedTryError for what was refused, anything else as it is
 */
export function createAttempts(createWaits: () => Backoff = defaultWaits): Attempts {
  let failure: { what: string; error: unknown; until: number; waits: Backoff; tries: number } | undefined;
  const remember = (what: string, error: unknown): FailedTryError => {
    const { waits, tries } = failure?.what === what ? failure : { waits: createWaits(), tries: 0 };
    const retryInMs = Math.min(waits.next(), isUnwatched(error) ? unwatchedMs : longestMs);
    failure = { what, error, until: performance.now() + retryInMs, waits, tries: tries + 1 };
    return new FailedTryError(error, { retryInMs, tries: tries + 1, isNew: true });
  };
  return async (what, action) => {
    const retryInMs = failure?.what === what ? failure.until - performance.now() : 0;
    if (failure && retryInMs > 0)
      throw new FailedTryError(failure.error, { retryInMs, tries: failure.tries, isNew: false });
    try {
      const result = await action();
      failure = undefined;
      return result;
    } catch (error) {
      throw isRefusal(error) ? remember(what, error) : error;
    }
  };
}

/** Who raises a quota or changes a policy waits for its effect, and no watch tells of either. */
const longestMs = 60_000;
/** Somebody deletes the other object, or its finalizers, and expects the cache to work; no watch tells of it. */
const unwatchedMs = 15_000;

function defaultWaits(): Backoff {
  return createBackoff(500, longestMs);
}

/** Whether another object is in the way. */
function isUnwatched(error: unknown): boolean {
  return error instanceof NameTakenError || error instanceof NotYetError;
}

/** An answer that will be the same for a while; a conflict or no answer at all is none. */
function isRefusal(error: unknown): boolean {
  return isUnwatched(error) || (error instanceof KubeError && error.status !== 409);
}
