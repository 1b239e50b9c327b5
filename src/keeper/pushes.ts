import { setTimeout as delay } from "node:timers/promises";
import { createBackoff } from "../common/backoff.ts";
import { isDigestText } from "../common/digest.ts";
import type { Peer } from "../registry/peer.ts";
import { isRepository, isTag } from "../registry/reference.ts";
import { askKeeperForLines, keeperAt } from "./ask.ts";

/** A manifest that somebody has pushed, as a keeper says: whoever may make Pods can write one. */
export interface Push {
  readonly repository: string;
  /** Undefined where it was pushed by its digest. */
  readonly tag: string | undefined;
  readonly digest: string;
  /** Of who pushed it; empty where the keeper does not say. */
  readonly userAgent: string;
}

/** Who hears of pushes. Neither function may throw. */
export interface PushListener {
  /** Pushes may have been missed until now, as before the first connection: everything that is waited for is to be looked at. */
  readonly onGap: () => void;
  /** A hint: the registry has not written the tag yet, or nothing of it is true. */
  readonly onPush: (push: Push) => void;
}

const path = "/pushes";
/** Three empty lines of the keeper's have not come. */
const silentMs = 60_000;
/** The keeper's own lines are far shorter. */
const longestLine = 64 * 1024;
const mostBytes = Number.POSITIVE_INFINITY;
/** Lines, whatever is in them. */
const mostInASecond = 100;
/** Everything is many questions to the registry: where pushes come faster for long, they are asked no more often than polls. */
const gapEveryMs = 30_000;
const [firstRetryMs, longestRetryMs] = [250, 30_000];
/** A connection that ends before is one more that failed. */
const steadyMs = 10_000;
/** A keeper of an earlier version does not learn it while it runs. */
const unknownMs = 300_000;

/**
 * Hears of pushes to a registry from its keeper within milliseconds, over a request that stays open. Whether the keeper is reached is
 * told by askReport; until it is, nothing is heard.
 *
 * @param peer - the keeper
 * @param token - of the operator, for this keeper
 * @param listener - who hears of them
 * @param signal - ends it
 * @returns when the signal has ended it
 */
export async function followPushes(
  peer: Peer,
  token: string,
  listener: PushListener,
  signal: AbortSignal,
): Promise<void> {
  const keeper = keeperAt(peer, token);
  const request = { method: "GET", path, mostBytes, longestLine, silentMs, signal } as const;
  const backoff = createBackoff(firstRetryMs, longestRetryMs);
  while (!signal.aborted) {
    const answer = await askKeeperForLines(keeper, request).catch(() => undefined);
    let isUnknown = false;
    if (answer !== undefined && "lines" in answer) {
      const began = performance.now();
      await hear(untilItFails(answer.lines), listener, signal);
      if (performance.now() - began > steadyMs) backoff.reset();
    } else if (answer !== undefined) isUnknown = answer.status === 404 || answer.status === 405;
    await pause(isUnknown ? unknownMs : backoff.next(), signal);
  }
}

async function hear(
  lines: AsyncIterable<string>,
  { onGap, onPush }: PushListener,
  signal: AbortSignal,
): Promise<void> {
  const hasWaited = pacer(signal);
  let [lookedAt, isBehind] = [Number.NEGATIVE_INFINITY, true];
  for await (const line of lines) {
    isBehind = (await hasWaited()) || isBehind;
    if (signal.aborted) return;
    if (isBehind && performance.now() - lookedAt >= gapEveryMs) {
      [lookedAt, isBehind] = [performance.now(), false];
      onGap();
    }
    const push = pushOf(line);
    if (push) onPush(push);
  }
}

/**
 * Waits so that no more lines are read than a hundred in a second. What comes faster waits at the keeper, which ends who has too much
 * to read.
 *
 * @returns what to call before each; it says whether there was a wait
 */
function pacer(signal: AbortSignal): () => Promise<boolean> {
  let [ends, count] = [0, 0];
  return async () => {
    const restMs = ends - performance.now();
    if (restMs > 0 && count < mostInASecond) {
      count++;
      return false;
    }
    if (restMs > 0) await pause(restMs, signal);
    [ends, count] = [performance.now() + 1_000, 1];
    return restMs > 0;
  };
}

/** That a connection ends is nothing to be told. */
async function* untilItFails(lines: AsyncIterable<string>): AsyncGenerator<string> {
  try {
    yield* lines;
  } catch {
    // The next one begins with a look at everything.
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {
    // The signal has ended it; who waits looks at that.
  });
}

/**
 * What a line of a keeper's says.
 *
 * @param line - anything
 * @returns undefined where it names no manifest of a repository, as the empty lines that show that the keeper is there
 */
export function pushOf(line: string): Push | undefined {
  if (line === "") return undefined;
  const { repository, tag, digest, userAgent } = fieldsOf(line);
  if (typeof repository !== "string" || !isRepository(repository)) return undefined;
  if (typeof digest !== "string" || !isDigestText(digest)) return undefined;
  if (tag !== undefined && (typeof tag !== "string" || !isTag(tag))) return undefined;
  return { repository, tag, digest, userAgent: typeof userAgent === "string" ? userAgent : "" };
}

function fieldsOf(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
