import { remoteUrl } from "../cache/address.ts";
import type { RemoteAnswer } from "../cache/status.ts";
import { type Backoff, createBackoff } from "../common/backoff.ts";
import { forgetOldest } from "../kube/forget.ts";
import type { Reachability } from "../registry/reachable.ts";

/** What is known of a remote registry, and when it is asked again. */
export interface Asked {
  readonly answer: RemoteAnswer;
  readonly againInMs: number;
}

const wellMs = 300_000;
const firstRetryMs = 15_000;
const mostRemembered = 1_000;

/**
 * Asks remote registries once in a while, however many caches name them.
 *
 * @param ask - asks one, by its URL
 * @returns (registry, as `spec.registry` names it) => whether it answers, and when to look again
 */
export function createRemotes(
  ask: (url: string) => Promise<Reachability>,
): (registry: string) => Promise<Asked> {
  const known = new Map<string, { answer: Promise<Reachability>; until: number; waits: Backoff }>();
  return async (registry) => {
    const url = remoteUrl(registry);
    const last = known.get(url);
    const fresh = last !== undefined && performance.now() < last.until;
    const turn = fresh
      ? last
      : { answer: ask(url), until: Number.POSITIVE_INFINITY, waits: last?.waits ?? waits() };
    known.delete(url);
    known.set(url, turn);
    forgetOldest(known, mostRemembered);
    const { answers, message } = await turn.answer;
    if (turn.until === Number.POSITIVE_INFINITY) {
      if (answers !== false) turn.waits.reset();
      turn.until = performance.now() + (answers === false ? turn.waits.next() : wellMs);
    }
    return { answer: { answers, message }, againInMs: Math.max(turn.until - performance.now(), 1_000) };
  };
}

function waits(): Backoff {
  return createBackoff(firstRetryMs, wellMs);
}
