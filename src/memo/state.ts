import type { OrasCacheStatus } from "../cache/types.ts";

/** Which entries of a cache were forgotten, as its status says: whoever puts one back finds that it does not count. */
export type MemoState = NonNullable<OrasCacheStatus["memo"]>;

/** What became of a request to forget. */
export type ForgetAnswer = NonNullable<MemoState["answers"]>[number];

/** How often a key was forgotten, and everything. An entry of another generation than the present one does not count. */
export interface Generation {
  readonly epoch: number;
  readonly times: number;
}

/** A status is read with its OrasCache, by everybody: it has to stay small. */
export const mostForgotten = 500;

/**
 * The generation that an entry of a key has to have.
 *
 * @param state - of the cache; undefined where nothing was ever forgotten
 */
export function generationOf(state: MemoState | undefined, key: string): Generation {
  const times = state?.forgotten?.find((one) => one.key === key)?.times ?? 0;
  return { epoch: state?.epoch ?? 0, times };
}

/** The state once some keys are forgotten. When too many are, all are. */
export function withoutKeys(state: MemoState | undefined, keys: readonly string[]): MemoState {
  const forgotten = new Map((state?.forgotten ?? []).map(({ key, times }) => [key, times]));
  for (const key of new Set(keys)) forgotten.set(key, (forgotten.get(key) ?? 0) + 1);
  if (forgotten.size > mostForgotten) return withoutAny(state);
  return { ...answersOf(state), epoch: state?.epoch ?? 0, ...listed(forgotten) };
}

/** The state once everything is forgotten. */
export function withoutAny(state: MemoState | undefined): MemoState {
  return { ...answersOf(state), epoch: (state?.epoch ?? 0) + 1 };
}

/**
 * What both say was forgotten: a mirror of the API server may be behind, and nothing that was forgotten comes back.
 *
 * @param a - of a cache
 * @param b - of the same; its answers count
 */
export function later(a: MemoState | undefined, b: MemoState | undefined): MemoState | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const answers = answersOf(b.answers ? b : a);
  if (a.epoch !== b.epoch) return { ...(a.epoch > b.epoch ? a : b), ...answers };
  const times = new Map<string, number>();
  for (const { key, times: count } of [...(a.forgotten ?? []), ...(b.forgotten ?? [])])
    times.set(key, Math.max(times.get(key) ?? 0, count));
  return { ...answers, epoch: a.epoch, ...listed(times) };
}

function answersOf(state: MemoState | undefined): Pick<MemoState, "answers"> {
  return state?.answers ? { answers: state.answers } : {};
}

/** One way to write it: what is written next is compared with what is there. */
function listed(times: ReadonlyMap<string, number>): Pick<MemoState, "forgotten"> {
  if (times.size === 0) return {};
  const forgotten = [...times].map(([key, count]) => ({ key, times: count }));
  return { forgotten: forgotten.toSorted((a, b) => (a.key < b.key ? -1 : 1)) };
}
