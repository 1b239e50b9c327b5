import type { MemoMode } from "../annotations/settings.ts";
import type { EventNote } from "../kube/events.ts";
import { forgetOldest } from "../kube/forget.ts";
import { decideMemo } from "../memo/decide.ts";
import type { Found as FoundOne } from "../memo/memos.ts";
import { tookIndexes } from "../memo/part.ts";
import { type Artifact, cacheOf } from "../workflow/step.ts";
import { hourMs } from "./gate-told.ts";
import { type Found, findAll } from "./memo-find.ts";
import type { Flights } from "./memo-flights.ts";
import type { Keyed } from "./memo-keys.ts";
import type { MemoOutcome, MemoSettings } from "./memo-settings.ts";
import { type ClaimedTags, type Taken, take } from "./memo-take.ts";
import { tellAsked, tellJoined, tellMiss } from "./memo-told.ts";
import { claimOf } from "./memo-writes.ts";
import type { WorkflowStep } from "./workflow-steps.ts";

/** Since when what has to be known of steps is not, by their UIDs. */
export interface Unknowns {
  /** In milliseconds since 1970; from now on where it was known until now. */
  readonly since: (uid: string) => number;
  /** Whether that is too long to wait. */
  readonly isLong: (uid: string) => boolean;
  readonly forget: (uid: string) => void;
}

const soonMs = 1_000;
const longestUnknownMs = 60_000;
const mostRemembered = 20_000;

/**
 * Remembers since when something is not known.
 *
 * @param now - milliseconds since 1970
 */
export function createUnknowns(now: () => number): Unknowns {
  const known = new Map<string, number>();
  const since = (uid: string) => {
    const at = known.get(uid) ?? now();
    known.set(uid, at);
    forgetOldest(known, mostRemembered);
    return at;
  };
  return {
    since,
    isLong: (uid) => now() - since(uid) >= longestUnknownMs,
    forget: (uid) => void known.delete(uid),
  };
}

/**
 * Makes what decides whether a step with a key runs.
 *
 * @param settings - see there
 * @param flights - the others with its key
 * @param unknown - since when something is not known of it
 */
export function createDecider(settings: MemoSettings, flights: Flights, unknown: Unknowns) {
  const { client } = settings;
  const claimed: ClaimedTags = new Map();
  /** What cannot be taken for a minute is made: its registry may take no writes, or have more of it than can be written in time. */
  const takeInTime = async (about: Parameters<typeof take>[1]): Promise<Taken> => {
    const taken = await take({ ...settings, claimed }, about);
    const { uid } = about.step;
    if (taken.kind === "held" && unknown.isLong(uid)) return { kind: "run", because: taken.because };
    if (taken.kind === "ended") unknown.forget(uid);
    return taken;
  };

  const openInPart = (
    step: WorkflowStep,
    key: string,
    { held, from, indexes }: Extract<Taken, { kind: "part" }>,
  ): MemoOutcome => {
    unknown.forget(step.uid);
    flights.reserve(step, key);
    return { kind: "open", key, held, from: tookIndexes(from, indexes) };
  };

  /** Starts a step, with those of its results that are there. */
  const run = async (about: Parameters<typeof take>[1], mode: MemoMode): Promise<MemoOutcome> => {
    const { step, cache, keyed, entries, tell } = about;
    const { key, taken: indexes } = keyed;
    const from = claimOf(step.object)?.from;
    // An earlier leader has given them to it.
    if (indexes !== "" && from !== undefined)
      return { kind: "open", key, from: tookIndexes(from, indexes), pins: keyed.pins };
    let { because } = about;
    if (mode === "on" && entries.some((entry) => entry !== undefined)) {
      const taken = await takeInTime(about);
      if (taken.kind === "part") return openInPart(step, key, taken);
      if (taken.kind !== "run") {
        flights.release(step, key);
        return taken;
      }
      because = taken.because;
    }
    unknown.forget(step.uid);
    if (mode === "on") await tellMiss(settings.memos, cache, keyed, because, tell);
    else tellAsked(mode, key, tell);
    return { kind: "open", key };
  };

  /** Gives it all of its results, where they are still there. */
  const end = async (
    about: Parameters<typeof take>[1],
  ): Promise<MemoOutcome | Extract<Taken, { kind: "run" }>> => {
    const { step, keyed } = about;
    const taken = await takeInTime(about);
    return taken.kind === "part" ? openInPart(step, keyed.key, taken) : taken;
  };

  return async (
    step: WorkflowStep,
    keyed: Keyed,
    mode: MemoMode,
    tell: (note: EventNote) => void,
  ): Promise<MemoOutcome> => {
    const { key } = keyed;
    const cache = `${step.namespace}/${cacheOf(step.plan.output as Artifact)}`;
    const decideOn = (found: FoundOne | undefined) =>
      decideMemo({
        ...{ mode, now: client.now(), found, flights: flights.of(step, key) },
        unknownSince: found?.kind === "unknown" ? unknown.since(step.uid) : client.now(),
      });
    let entries: Found["entries"] = [];
    let decision = decideOn(undefined);
    if (decision.kind === "ask") {
      const found = await findAll(settings.memos, cache, keyed, step.plan.memo.maxAgeSeconds);
      ({ entries } = found);
      decision = decideOn(found.whole);
    }
    if (decision.kind === "hit") {
      const ended = await end({ step, cache, keyed, entries, tell, because: "" });
      if (ended.kind !== "run") return ended;
      // Meanwhile another one may have been opened.
      entries = [];
      decision = decideOn({ kind: "miss", because: ended.because });
    }
    if (decision.kind === "run") {
      // From here on those that are equal wait for it.
      flights.reserve(step, key);
      return run({ step, cache, keyed, entries, tell, because: decision.because }, mode).catch(
        (error: unknown) => {
          flights.release(step, key);
          throw error;
        },
      );
    }
    if (decision.kind !== "join")
      return { kind: "held", againInMs: decision.kind === "wait" ? decision.againInMs : soonMs };
    flights.join(step, key);
    await tellJoined(client, step, { name: decision.flight.name, key }, tell);
    return { kind: "held", againInMs: Math.min(decision.againInMs, hourMs) };
  };
}
