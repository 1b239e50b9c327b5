import { resourceRefusal } from "../cache/admission.ts";
import { type Trouble, together } from "../cache/trouble.ts";
import { isNamespaceTerminating, KubeError, sentenceOf } from "../kube/errors.ts";

/** An object of that name exists that is not the cache's. A retry does not help until somebody acts. */
export class NameTakenError extends Error {
  override readonly name = "NameTakenError";
}

/** Another object must be gone first. That passes by itself, usually within seconds. */
export class NotYetError extends Error {
  override readonly name = "NotYetError";
}

/** The API server refuses to make a volume larger. */
export class CannotGrowError extends Error {
  override readonly name = "CannotGrowError";
}

/** Another cache has the folder of the bucket. The watch tells when it has gone. */
export class PrefixTakenError extends Error {
  override readonly name = "PrefixTakenError";
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

/** How a try failed that is not repeated at once. */
interface FailedTry {
  /** When to try again. */
  readonly retryInMs: number;
  /** How often the same failed in a row. */
  readonly tries: number;
  /** Whether it failed just now; else it was not tried, because it failed a moment ago and nothing has changed since. */
  readonly isNew: boolean;
}

/** A failure that is remembered. */
export class FailedTryError extends Error implements FailedTry {
  override readonly name = "FailedTryError";
  readonly retryInMs: number;
  readonly tries: number;
  readonly isNew: boolean;

  /**
   * @param cause - of the last try
   * @param how - see there
   */
  constructor(cause: unknown, { retryInMs, tries, isNew }: FailedTry) {
    super("the last try failed", { cause });
    this.retryInMs = retryInMs;
    this.tries = tries;
    this.isNew = isNew;
  }
}

/** Why one child is not what it should be. */
export interface Refusal {
  /** Kind and name. */
  readonly child: string;
  readonly error: unknown;
}

/** Several children are not what they should be. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly refusals: readonly Refusal[];

  /** @param refusals - more than one */
  constructor(refusals: readonly Refusal[]) {
    super(refusals.map(({ child, error }) => `${child}: ${sentenceOf(error)}`).join("; "));
    this.refusals = refusals;
  }
}

/**
 * Several refusals as one error; one of them as it is.
 *
 * @param refusals - in the order in which the children are made
 * @returns undefined where there is none
 */
export function refusedBy(refusals: readonly Refusal[]): unknown {
  return refusals.length > 1 ? new RefusedError(refusals) : refusals[0]?.error;
}

/**
 * Whether other children may fare better than the one that an error is of: nothing is made in a namespace that is being deleted, and an API
 * server that does not answer is asked for nothing else.
 *
 * @param error - anything that was thrown while a child was made
 */
export function isOfOneChild(error: unknown): boolean {
  if (error instanceof FailedTryError) return !isNamespaceTerminating(error.cause);
  return error instanceof ContestedError;
}

/**
 * What of an error is to be logged and counted.
 *
 * @param error - anything that was thrown
 * @returns undefined where all of it failed a moment ago and was not tried again
 */
export function freshOf(error: unknown): unknown {
  if (error instanceof FailedTryError) return error.isNew ? error.cause : undefined;
  if (!(error instanceof RefusedError)) return error;
  return refusedBy(
    error.refusals.flatMap(({ child, error: one }) => {
      const fresh = freshOf(one);
      return fresh === undefined ? [] : [{ child, error: fresh }];
    }),
  );
}

/** What passes by itself is no trouble before this many tries, some seconds. */
const patientTries = 4;

const ownReasons = [
  [NameTakenError, "NameTaken"],
  [PrefixTakenError, "PrefixTaken"],
  [ContestedError, "Contested"],
  [CannotGrowError, "VolumeCannotGrow"],
] as const;

/**
 * What an error is for the person who looks at the cache.
 *
 * @param error - anything that was thrown while children were made
 * @returns undefined for what passes by itself, and when there was no answer: a status cannot be written either
 */
export function troubleFrom(error: unknown): Trouble | undefined {
  if (error instanceof FailedTryError) {
    const { cause, tries } = error;
    if (cause instanceof NotYetError && tries >= patientTries)
      return { reason: "BeingDeleted", message: cause.message };
    return troubleFrom(cause);
  }
  if (error instanceof RefusedError) return together(error.refusals.map(troubleWith));
  for (const [kind, reason] of ownReasons) {
    if (error instanceof kind) return { reason, message: error.message };
  }
  return error instanceof KubeError ? answeredWith(error) : undefined;
}

function answeredWith(error: KubeError): Trouble | undefined {
  // A conflict is somebody else's write between look and write; the watch brings it.
  if (isNamespaceTerminating(error) || error.status === 409) return undefined;
  const message = error.body.message ?? error.message;
  if (error.status === 422) return { reason: "Invalid", message };
  if (error.status === 403) return { reason: resourceRefusal(message) ?? "Forbidden", message };
  return { reason: "ApplyFailed", message };
}

/** An API server does not always say what it refuses. */
function troubleWith({ child, error }: Refusal): Trouble | undefined {
  const trouble = troubleFrom(error);
  return trouble && { ...trouble, message: `${child}: ${trouble.message}` };
}

/**
 * When to look again after an error.
 *
 * @param error - anything that was thrown
 * @returns milliseconds; `backoff` where nothing is known; `never` where nothing is left to do
 */
export function retryAfter(error: unknown): number | "backoff" | "never" {
  if (error instanceof RefusedError) return soonest(error.refusals.map((one) => retryAfter(one.error)));
  if (error instanceof ContestedError) return error.retryInMs;
  if (error instanceof FailedTryError) return isNamespaceTerminating(error.cause) ? "never" : error.retryInMs;
  if (isNamespaceTerminating(error) || error instanceof PrefixTakenError) return "never";
  if (error instanceof KubeError && error.status === 409) return 250;
  return "backoff";
}

function soonest(all: readonly ReturnType<typeof retryAfter>[]): ReturnType<typeof retryAfter> {
  if (all.includes("backoff")) return "backoff";
  const waits = all.filter((wait) => typeof wait === "number");
  return waits.length > 0 ? Math.min(...waits) : "never";
}
