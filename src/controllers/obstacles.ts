import type { Trouble } from "../cache/trouble.ts";
import { isNamespaceTerminating, KubeError } from "../kube/errors.ts";

/** An object of that name exists that is not the cache's. A retry does not help until somebody acts. */
export class NameTakenError extends Error {
  override readonly name = "NameTakenError";
}

/** What is needed is being made or deleted; look again soon. */
export class NotYetError extends Error {
  override readonly name = "NotYetError";
}

/** Somebody keeps changing what is corrected. */
export class ContestedError extends Error {
  override readonly name = "ContestedError";
  readonly retryInMs: number;

  /**
   * @param child - kind and name
   * @param retryInMs - when to correct it again
   */
  constructor(child: string, retryInMs: number) {
    super(
      `Somebody keeps changing ${child}: it was corrected several times within a minute. The Events of this object ` +
        "say who. It is corrected less often until that stops.",
    );
    this.retryInMs = retryInMs;
  }
}

/** The last try failed a moment ago, and nothing has changed since: not tried again yet. */
export class StillFailingError extends Error {
  override readonly name = "StillFailingError";
  readonly retryInMs: number;

  /**
   * @param cause - of the last try
   * @param retryInMs - when to try again
   */
  constructor(cause: unknown, retryInMs: number) {
    super("the last try failed", { cause });
    this.retryInMs = retryInMs;
  }
}

/**
 * What an error is for the person who looks at the cache.
 *
 * @param error - anything that was thrown while children were made
 * @returns undefined for what passes by itself, and when there was no answer: a status cannot be written either
 */
export function troubleFrom(error: unknown): Trouble | undefined {
  if (error instanceof StillFailingError) return troubleFrom(error.cause);
  if (error instanceof NameTakenError) return { reason: "NameTaken", message: error.message };
  if (error instanceof ContestedError) return { reason: "Contested", message: error.message };
  if (!(error instanceof KubeError) || isNamespaceTerminating(error)) return undefined;
  const message = error.body.message ?? error.message;
  // A conflict is somebody else's write between look and write; the watch brings it.
  if (error.status === 409) return undefined;
  if (error.status === 422) return { reason: "Invalid", message };
  if (error.status === 403)
    return { reason: message.includes("exceeded quota") ? "QuotaExceeded" : "Forbidden", message };
  return { reason: "ApplyFailed", message };
}

/**
 * When to look again after an error.
 *
 * @param error - anything that was thrown
 * @returns milliseconds; `backoff` where nothing is known; `never` where nothing is left to do
 */
export function retryAfter(error: unknown): number | "backoff" | "never" {
  if (error instanceof StillFailingError || error instanceof ContestedError) return error.retryInMs;
  if (error instanceof NotYetError) return 1_000;
  if (isNamespaceTerminating(error)) return "never";
  if (error instanceof KubeError && error.status === 409) return 250;
  return "backoff";
}
