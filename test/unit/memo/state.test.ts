import fc from "fast-check";
import { expect, test } from "vitest";
import { oldestForgotten } from "../../../src/memo/forget.ts";
import {
  goesSoon,
  isForgotten,
  later,
  longestForgotten,
  type MemoState,
  mostForgottenAtOnce,
  withoutAny,
  withoutKeys,
} from "../../../src/memo/state.ts";

const keys = ["a", "b", "c"].map((letter) => letter.repeat(64));
const change = fc.constantFrom(...keys, "all");
const key = (i: number) => i.toString(16).padStart(12, "0").padEnd(64, "0");
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => key(from + i));

const forgetting = (state: MemoState | undefined, what: string) =>
  what === "all" ? withoutAny(state) : withoutKeys(state, [what]);

test("what was written counts until it is forgotten, and never again", () => {
  const written = fc.constantFrom(...keys.map((one) => `write ${one}`));
  fc.assert(
    fc.property(fc.array(fc.oneof(change, written)), (events) => {
      let state: MemoState | undefined;
      const entries: { key: string; epoch: number; gone: boolean }[] = [];
      for (const event of events) {
        const [word, wrote] = event.split(" ");
        if (wrote !== undefined) entries.push({ key: wrote, epoch: state?.epoch ?? 0, gone: false });
        else {
          state = forgetting(state, event);
          for (const entry of entries) entry.gone ||= word === "all" || word === entry.key;
        }
        for (const entry of entries) expect(isForgotten(state, entry.key, entry.epoch)).toBe(entry.gone);
      }
    }),
  );
});

test("of a state and a later one, in either order, the later one counts", () => {
  fc.assert(
    fc.property(fc.array(change), fc.array(change), (before, after) => {
      const early = before.reduce<MemoState | undefined>(forgetting, undefined);
      const late = after.reduce<MemoState | undefined>(forgetting, early);
      expect(later(early, late)).toEqual(late);
      expect(later(late, early)).toEqual(late);
    }),
  );
});

test.each([1, 499, 501, 1_000, mostForgottenAtOnce])(
  "%d keys are forgotten at once, and no other, also where others were before",
  (count) => {
    const before = withoutKeys(withoutKeys(undefined, range(20_000, 400)), range(30_000, 400));
    const state = withoutKeys(before, range(0, count));
    expect(range(0, count).filter((one) => !isForgotten(state, one, before.epoch))).toEqual([]);
    expect(range(count, 2_000).filter((one) => isForgotten(state, one, before.epoch))).toEqual([]);
    expect(range(0, count).filter((one) => isForgotten(state, one, state.epoch))).toEqual([]);
    expect(state.forgottenBefore).toBeUndefined();
  },
);

test("a list that is too long loses its oldest part: what was remembered since stays", () => {
  let state: MemoState | undefined;
  const writtenIn = new Map<string, number>();
  for (let round = 0; round < 30; round++) {
    writtenIn.set(key(90_000 + round), state?.epoch ?? 0);
    state = withoutKeys(state, range(round * 1_000, 1_000));
    expect(JSON.stringify(state.forgotten).length).toBeLessThanOrEqual(longestForgotten);
  }
  const { forgottenBefore = 0 } = state ?? {};
  expect(forgottenBefore).toBeGreaterThan(0);
  expect(forgottenBefore).toBeLessThan(30);
  for (const [one, epoch] of writtenIn) expect(isForgotten(state, one, epoch)).toBe(epoch < forgottenBefore);
  // One that is in the list and forgotten again takes no more room.
  const again = withoutKeys(state, range(29_000, 1_000));
  expect(again.forgottenBefore).toBe(forgottenBefore);
});

test("of thousands that are forgotten one by one the oldest go now and then, not with each", () => {
  let state: MemoState | undefined;
  let cuts = 0;
  for (let round = 0; round < 6_000; round++) {
    const next = withoutKeys(state, [key(round)]);
    if (next.forgottenBefore !== state?.forgottenBefore) cuts++;
    if (round === 3_600) expect(cuts).toBe(0);
    state = next;
  }
  expect(cuts).toBeGreaterThan(0);
  expect(cuts).toBeLessThan(8);
  // Each still says that more went than was asked for.
  expect(oldestForgotten(state as MemoState)).toContain(
    `before the last ${6_001 - (state?.forgottenBefore ?? 0)} of 6000 times`,
  );
});

test("what is written anew while it is among those that go soon is not lost with them", () => {
  let state: MemoState | undefined;
  const written = { taken: 0, left: 0 };
  for (let round = 0; round < 12_000; round++) {
    // Some run takes it each time.
    if (goesSoon(state, written.taken)) written.taken = state?.epoch ?? 0;
    state = withoutKeys(state, [key(round)]);
    expect(isForgotten(state, key(99_999), written.taken)).toBe(false);
  }
  expect(isForgotten(state, key(99_998), written.left)).toBe(true);
  // As long as there is room, nothing is written anew.
  expect(goesSoon(undefined, 0)).toBe(false);
  expect(goesSoon(withoutKeys(withoutKeys(undefined, [key(1)]), [key(2)]), 0)).toBe(false);
});

test("an entry of an epoch that has not come counts no more: somebody has emptied the status", () => {
  expect(isForgotten(undefined, key(1), 1)).toBe(true);
  expect(isForgotten({ epoch: 2 }, key(1), 3)).toBe(true);
});

test.each([95, 50, 0])("an entry of epoch %i that is taken before many keys go at once stays", (written) => {
  let next = 0;
  const keys = (count: number) =>
    Array.from({ length: count }, () => `${next++}`.padStart(12, "0").padEnd(64, "0"));
  let state: MemoState | undefined;
  for (let i = 0; i < 100; i++) state = withoutKeys(state, keys(1));
  state = withoutKeys(state, keys(9_000));
  const taken = goesSoon(state, written) ? state.epoch : written;
  // All of the first goes with those that are too many.
  state = withoutKeys(state, keys(5_000));
  expect(state.forgottenBefore).toBe(101);
  expect(isForgotten(state, "f".repeat(64), taken)).toBe(false);
});

/** How many keys were forgotten at once, and how often one after the other. */
const repeated = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 3_600 })),
  fc.tuple(fc.integer({ min: 1, max: mostForgottenAtOnce }), fc.constant(1)),
);

/** A state with a list of so many keys each, of which the newest are there for which there is room. */
function stateOf(counts: readonly number[]): MemoState {
  let next = 0;
  const all = counts.map((count, i) => {
    const keys = range(next, count).map((one) => one.slice(0, 12));
    next += count;
    return { epoch: i + 1, keys: keys.join(" ") };
  });
  let length = 0;
  const last = all.findLastIndex((one) => {
    length += JSON.stringify(one).length + 10;
    return length > longestForgotten;
  });
  const forgotten = all.slice(last + 1);
  const forgottenBefore = all.at(-forgotten.length - 1)?.epoch;
  return { epoch: all.length, forgotten, ...(forgottenBefore !== undefined && { forgottenBefore }) };
}

test("whatever was forgotten before and whatever is forgotten at once: what has just been taken stays", () => {
  const most = fc.integer({ min: 1, max: mostForgottenAtOnce });
  fc.assert(
    fc.property(fc.array(repeated, { minLength: 1, maxLength: 4 }), most, fc.nat(), (lists, atOnce, at) => {
      const state = stateOf(lists.flatMap(([count, times]) => Array.from({ length: times }, () => count)));
      const { epoch, forgottenBefore = 0 } = state;
      // Any that counts is taken.
      const written = forgottenBefore + (at % (epoch - forgottenBefore + 1));
      const taken = goesSoon(state, written) ? epoch : written;
      const after = withoutKeys(state, range(90_000, atOnce));
      expect(isForgotten(after, "f".repeat(64), taken)).toBe(false);
      expect(JSON.stringify(after.forgotten).length).toBeLessThanOrEqual(longestForgotten);
    }),
  );
});

test.each([
  ["one by one", Array.from({ length: 1_800 }, () => 1)],
  ["a few at once", Array.from({ length: 300 }, () => 10)],
  ["many at once", [3_000, 3_000]],
  ["thousands at once", [6_000]],
])("what is taken after others were forgotten %s stays when 9,000 go at once", (_how, counts) => {
  const state = stateOf(counts);
  // Of what was remembered before all of them.
  const taken = goesSoon(state, 0) ? state.epoch : 0;
  expect(isForgotten(withoutKeys(state, range(90_000, 9_000)), "f".repeat(64), taken)).toBe(false);
});

test("beside 10,000 that go at once, what is taken is written anew once some hundred others went", () => {
  const ones = (count: number) => stateOf(Array.from({ length: count }, () => 1));
  expect(goesSoon(ones(500), 0)).toBe(false);
  expect(goesSoon(ones(1_000), 0)).toBe(true);
  expect(withoutKeys(ones(500), range(90_000, mostForgottenAtOnce)).forgottenBefore).toBeUndefined();
});
