import { type Backoff, createBackoff } from "../kube/backoff.ts";
import { KubeError } from "../kube/errors.ts";
import { NameTakenError, StillFailingError } from "./obstacles.ts";

/** Tries something, but not again soon after it failed while nothing else is tried. */
export type Attempts = <T>(what: string, action: () => Promise<T>) => Promise<T>;

/**
 * Remembers one failure. A watch may wake the reconciler for many reasons; a refusal is not asked for again because of
 * them, only after a wait that doubles, or when something else is to be done.
 *
 * @param createWaits - the waits after failures
 */
export function createAttempts(createWaits: () => Backoff = defaultWaits): Attempts {
  let failure: { what: string; error: unknown; until: number; waits: Backoff } | undefined;
  const remember = (what: string, error: unknown) => {
    const waits = failure?.what === what ? failure.waits : createWaits();
    const longest = error instanceof NameTakenError ? nameTakenMs : longestMs;
    failure = { what, error, until: performance.now() + Math.min(waits.next(), longest), waits };
  };
  return async (what, action) => {
    const leftMs = failure?.what === what ? failure.until - performance.now() : 0;
    if (leftMs > 0) throw new StillFailingError(failure?.error, leftMs);
    try {
      const result = await action();
      failure = undefined;
      return result;
    } catch (error) {
      if (isRefusal(error)) remember(what, error);
      throw error;
    }
  };
}

const longestMs = 300_000;
/** Somebody deletes the other object and expects the cache to work; no watch tells of it. */
const nameTakenMs = 15_000;

function defaultWaits(): Backoff {
  return createBackoff(500, longestMs);
}

/** An answer that will be the same for a while; a conflict or no answer at all is none. */
function isRefusal(error: unknown): boolean {
  return error instanceof NameTakenError || (error instanceof KubeError && error.status !== 409);
}
