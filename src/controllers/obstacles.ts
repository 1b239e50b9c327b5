import type { Obstacle } from "../cache/status.ts";
import { isNamespaceTerminating, KubeError } from "../kube/errors.ts";

/** Something of that name belongs to somebody else. Trying again does not help until somebody acts. */
export class NameTakenError extends Error {
  override readonly name = "NameTakenError";
}

/** What is needed is on its way out or in; look again soon. */
export class NotYetError extends Error {
  override readonly name = "NotYetError";
}

/** Somebody keeps changing what we put back. */
export class ContestedError extends Error {
  override readonly name = "ContestedError";
  readonly retryInMs: number;

  /** @param retryInMs - when to put it back once more */
  constructor(retryInMs: number) {
    super(
      "Somebody keeps changing the Service or the StatefulSet, which were put back several times within a minute; " +
        "the events of this object name who did. They are put back once a while until that stops.",
    );
    this.retryInMs = retryInMs;
  }
}

/** What to make of an error: tell it on the status or not, and when to try again. */
export interface Assessment {
  readonly obstacle?: Obstacle;
  /** `backoff`: as an error. A number: quietly after so many milliseconds. `never`: nothing is left to do. */
  readonly retry: "backoff" | "never" | number;
}

/** Somebody must act first, and no watch of ours may tell of it; this is often enough to look. */
const whenSomebodyActsMs = 60_000;

/**
 * Sorts the errors of a reconciliation.
 *
 * @param error - anything that was thrown, or undefined when nothing was
 */
export function assess(error: unknown): Assessment {
  if (error === undefined) return { retry: "never" };
  if (error instanceof NotYetError) return { retry: 1_000 };
  if (error instanceof NameTakenError) {
    return { obstacle: { reason: "NameTaken", message: error.message }, retry: whenSomebodyActsMs };
  }
  if (error instanceof ContestedError) {
    return { obstacle: { reason: "Contested", message: error.message }, retry: error.retryInMs };
  }
  if (isNamespaceTerminating(error)) return { retry: "never" };
  // No answer at all: a status could not be written either.
  if (!(error instanceof KubeError)) return { retry: "backoff" };
  const message = error.body.message ?? error.message;
  // A conflict is somebody else's write between our look and ours; the watch brings it.
  if (error.status === 409) return { retry: 250 };
  if (error.status === 422) return { obstacle: { reason: "Invalid", message }, retry: whenSomebodyActsMs };
  if (error.status === 403) return { obstacle: { reason: "Forbidden", message }, retry: "backoff" };
  return { obstacle: { reason: "ApplyFailed", message }, retry: "backoff" };
}
