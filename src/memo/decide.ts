import type { MemoMode } from "../annotations/settings.ts";
import type { Found, MemoEntry } from "./memos.ts";

/** A step that was opened to run, with the same key as another one. */
export interface Flight {
  readonly uid: string;
  /** Such as `Job split`. */
  readonly name: string;
  readonly createdAt: number;
  readonly mode: MemoMode;
  readonly state: "live" | "succeeded" | "failed";
  /** Of a Job that runs: somebody has suspended it by hand. */
  readonly suspended: boolean;
  /** Whether one of its containers has ever run. */
  readonly started: boolean;
  /** Milliseconds since 1970; undefined where it is only just being opened. */
  readonly openedAt: number | undefined;
  /** Whether it is known what became of its result: once it has succeeded, or before, where that is not to be remembered. */
  readonly recorded: boolean;
}

/** All that is known of a step when it could be opened. */
export interface MemoFacts {
  readonly mode: MemoMode;
  readonly now: number;
  /** What the registry says of its key; undefined while it has not been asked. */
  readonly found: Found | undefined;
  /** Since when the registry has not said anything, in milliseconds since 1970. */
  readonly unknownSince: number;
  /** The other steps with its key, whatever became of them. */
  readonly flights: readonly Flight[];
}

/** What is to be done with the step. */
export type MemoDecision =
  | { readonly kind: "run"; readonly because: string }
  | { readonly kind: "hit"; readonly entry: MemoEntry }
  /** Another step makes its result. */
  | { readonly kind: "join"; readonly flight: Flight; readonly againInMs: number }
  | { readonly kind: "ask" }
  | { readonly kind: "wait"; readonly because: string; readonly againInMs: number };

/** A step whose Pod finds no node, or no image, would hold all that are like it. */
export const longestStartMs = 10 * 60_000;
/** Of a registry that does not answer. What cannot be known is no reason to wait for ever. */
const longestUnknownMs = 60_000;
const askAgainMs = 5_000;

/**
 * Decides whether a step runs, takes a result that is there, or waits for one that is being made.
 *
 * @param facts - see there
 */
export function decideMemo({ mode, now, found, unknownSince, flights }: MemoFacts): MemoDecision {
  if (mode !== "on") return { kind: "run", because: `memoize is ${mode}` };
  const [first] = flights.filter((flight) => canBeJoined(flight, now)).toSorted(byAge);
  if (first) return { kind: "join", flight: first, againInMs: stallsInMs(first, now) };
  if (found === undefined) return { kind: "ask" };
  if (found.kind === "hit") return { kind: "hit", entry: found.entry };
  if (found.kind === "miss") return { kind: "run", because: found.because };
  if (now - unknownSince >= longestUnknownMs) return { kind: "run", because: found.because };
  return { kind: "wait", because: found.because, againInMs: askAgainMs };
}

/** The same one for all that look: the oldest. */
function byAge(a: Flight, b: Flight): number {
  return a.createdAt - b.createdAt || (a.uid < b.uid ? -1 : 1);
}

function canBeJoined(flight: Flight, now: number): boolean {
  // What it makes may be thrown away, or replace what is there.
  if (flight.mode !== "on") return false;
  if (flight.recorded) return false;
  if (flight.state === "succeeded") return true;
  return flight.state === "live" && !flight.suspended && (flight.started || stallsInMs(flight, now) > 0);
}

function stallsInMs({ openedAt, started }: Flight, now: number): number {
  return started || openedAt === undefined ? longestStartMs : openedAt + longestStartMs - now;
}
