import type { OrasCacheStatus } from "../cache/types.ts";
import { shortKey, shownDigits } from "./short-key.ts";

/**
 * Which entries of a cache were forgotten, as its status says: whoever puts one back finds that it does not count. Each forgetting
 * has a number, the epoch, and an entry says how many there were when it was written.
 */
export type MemoState = NonNullable<OrasCacheStatus["memo"]>;

/** What became of a request to forget. */
export type ForgetAnswer = NonNullable<MemoState["answers"]>[number];

/** As many keys may be forgotten at once. */
export const mostForgottenAtOnce = 10_000;
/** A status is read with its OrasCache, by everybody: it has to stay small. In characters, with room for what may be forgotten at once. */
export const longestForgotten = 160_000;
/** What goes of a list that is too long: its oldest part goes now and then, not with each key. */
const roomForNext = longestForgotten / 8;
/** Of a forgetting beside its keys, as JSON. */
const aroundKeys = 32;
/** The longest that is forgotten next. */
const longestAtOnce = aroundKeys + mostForgottenAtOnce * (shownDigits + 1);

/**
 * Whether an entry does not count any more.
 *
 * @param state - of the cache; undefined where nothing was ever forgotten
 * @param key - of the entry
 * @param epoch - that it was written in
 */
export function isForgotten(state: MemoState | undefined, key: string, epoch: number): boolean {
  // One of an epoch that has not come is from before somebody emptied the status.
  return (
    epoch > (state?.epoch ?? 0) || epoch < (lastOf(state).get(shortKey(key)) ?? state?.forgottenBefore ?? 0)
  );
}

/**
 * The state once some keys are forgotten: each by its first digits, as people read them. A list that is too long loses its oldest
 * part, and whatever was written before that does not count any more either: `forgottenBefore` is another one then, which has to
 * be told.
 */
export function withoutKeys(state: MemoState | undefined, keys: readonly string[]): MemoState {
  const epoch = (state?.epoch ?? 0) + 1;
  const before = lastOf(state);
  const now = new Set(keys.map(shortKey));
  const changed = new Set([...now].flatMap((key) => before.get(key) ?? []));
  // Most stay as they are: one key goes at a time, and thousands may be listed.
  const kept = (state?.forgotten ?? []).flatMap((one) =>
    changed.has(one.epoch) ? without(one, now) : [one],
  );
  const added = now.size > 0 ? [{ epoch, keys: [...now].toSorted().join(" ") }] : [];
  const all = [...kept.toSorted((a, b) => a.epoch - b.epoch), ...added];
  // Beside what needs more room by itself, as much is kept as there is room for.
  const longest = lengthOf(added) > roomForNext ? longestForgotten : longestForgotten - roomForNext;
  const forgotten = lengthOf(all) > longestForgotten ? newestOf(all, longest) : all;
  const forgottenBefore = all.at(-forgotten.length - 1)?.epoch ?? state?.forgottenBefore;
  return {
    ...answersOf(state),
    ...{ epoch, ...(forgottenBefore !== undefined && { forgottenBefore }) },
    ...(forgotten.length > 0 && { forgotten }),
  };
}

function without(one: NonNullable<Forgotten>[number], keys: ReadonlySet<string>): NonNullable<Forgotten> {
  const left = one.keys.split(" ").filter((key) => !keys.has(key));
  return left.length > 0 ? [{ ...one, keys: left.join(" ") }] : [];
}

/**
 * Whether an entry may be lost with the next forgetting, as large as that may be. Whoever finds that it counts writes it anew: then
 * only what nobody has taken for long is lost.
 *
 * @param state - of the cache
 * @param epoch - that the entry was written in
 */
export function goesSoon(state: MemoState | undefined, epoch: number): boolean {
  // It is lost with the first of these that goes: once all of them and the next one are too long.
  const since = (state?.forgotten ?? []).filter((one) => one.epoch > epoch);
  return lengthOf(since) > longestForgotten - longestAtOnce;
}

function newestOf(all: NonNullable<Forgotten>, longest: number): NonNullable<Forgotten> {
  let length = 0;
  const first = all.findLastIndex((one) => {
    length += lengthOf([one]);
    return length > longest;
  });
  return all.slice(first + 1);
}

function lengthOf(forgotten: NonNullable<Forgotten>): number {
  return forgotten.reduce((sum, { keys }) => sum + aroundKeys + keys.length, 0);
}

/** The state once everything is forgotten. */
export function withoutAny(state: MemoState | undefined): MemoState {
  const epoch = (state?.epoch ?? 0) + 1;
  return { ...answersOf(state), epoch, forgottenBefore: epoch };
}

/**
 * Which of two states is the later one: a mirror of the API server may be behind, and nothing that was forgotten comes back.
 *
 * @param a - of a cache
 * @param b - of the same; its answers count where both have forgotten as much
 */
export function later(a: MemoState | undefined, b: MemoState | undefined): MemoState | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.epoch !== b.epoch) return a.epoch > b.epoch ? a : b;
  return { ...b, ...answersOf(b.answers ? b : a) };
}

function answersOf(state: MemoState | undefined): Pick<MemoState, "answers"> {
  return state?.answers ? { answers: state.answers } : {};
}

type Forgotten = MemoState["forgotten"];

/** A registry with ten thousand entries asks for each of them. */
const lasts = new WeakMap<NonNullable<Forgotten>, ReadonlyMap<string, number>>();

/** In which epoch each key was forgotten last, by its first digits. */
function lastOf(state: MemoState | undefined): ReadonlyMap<string, number> {
  const forgotten = state?.forgotten;
  if (forgotten === undefined) return new Map();
  const known = lasts.get(forgotten);
  if (known !== undefined) return known;
  const last = new Map(
    forgotten.flatMap(({ epoch, keys }) => keys.split(" ").map((key): [string, number] => [key, epoch])),
  );
  lasts.set(forgotten, last);
  return last;
}
