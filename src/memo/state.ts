import type { OrasCacheStatus } from "../cache/types.ts";

/** Which entries of a cache were forgotten, as its status says: whoever puts one back finds that it does not count. */
export type MemoState = NonNullable<OrasCacheStatus["memo"]>;

/** How often a key was forgotten, and everything. An entry of another generation than the present one does not count. */
export interface Generation {
  readonly epoch: number;
  readonly times: number;
}

/** A status is read with its OrasCache, by everybody: it has to stay small. */
const mostForgotten = 500;

/**
 * The generation that an entry of a key has to have.
 *
 * @param state - of the cache; undefined where nothing was ever forgotten
 */
export function generationOf(state: MemoState | undefined, key: string): Generation {
  const times = state?.forgotten?.find((one) => one.key === key)?.times ?? 0;
  return { epoch: state?.epoch ?? 0, times };
}

/** The state once a key is forgotten. When too many are, all are. */
export function withoutKey(state: MemoState | undefined, key: string): MemoState {
  const { epoch, times } = generationOf(state, key);
  const others = (state?.forgotten ?? []).filter((one) => one.key !== key);
  if (others.length >= mostForgotten) return withoutAny(state);
  return { epoch, forgotten: sorted([...others, { key, times: times + 1 }]) };
}

/** The state once everything is forgotten. */
export function withoutAny(state: MemoState | undefined): MemoState {
  return { epoch: (state?.epoch ?? 0) + 1 };
}

/**
 * What both say was forgotten: a mirror of the API server may be behind, and nothing that was forgotten comes back.
 *
 * @param a - of a cache
 * @param b - of the same
 */
export function later(a: MemoState | undefined, b: MemoState | undefined): MemoState | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.epoch !== b.epoch) return a.epoch > b.epoch ? a : b;
  const times = new Map<string, number>();
  for (const { key, times: count } of [...(a.forgotten ?? []), ...(b.forgotten ?? [])])
    times.set(key, Math.max(times.get(key) ?? 0, count));
  if (times.size === 0) return { epoch: a.epoch };
  return { epoch: a.epoch, forgotten: sorted([...times].map(([key, count]) => ({ key, times: count }))) };
}

/** One way to write it: what is written next is compared with what is there. */
function sorted(forgotten: NonNullable<MemoState["forgotten"]>): NonNullable<MemoState["forgotten"]> {
  return forgotten.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}
