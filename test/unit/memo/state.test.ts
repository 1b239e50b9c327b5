import fc from "fast-check";
import { expect, test } from "vitest";
import { generationOf, later, type MemoState, withoutAny, withoutKeys } from "../../../src/memo/state.ts";

const keys = ["a", "b", "c"].map((letter) => letter.repeat(64));
const change = fc.constantFrom(...keys, "all");

const forgetting = (state: MemoState | undefined, what: string) =>
  what === "all" ? withoutAny(state) : withoutKeys(state, [what]);

test("a generation never comes again: what was forgotten stays so", () => {
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      let state: MemoState | undefined;
      const seen = new Map(keys.map((key) => [key, [JSON.stringify(generationOf(state, key))]]));
      for (const what of changes) {
        state = forgetting(state, what);
        for (const key of what === "all" ? keys : [what]) {
          const generation = JSON.stringify(generationOf(state, key));
          expect(seen.get(key)).not.toContain(generation);
          seen.get(key)?.push(generation);
        }
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

test("when too many keys were forgotten, all are: the status stays small", () => {
  let state: MemoState | undefined;
  const key = (i: number) => i.toString(16).padStart(64, "0");
  for (let i = 0; i < 500; i++) state = withoutKeys(state, [key(i)]);
  expect(state?.forgotten).toHaveLength(500);
  expect(withoutKeys(state, [key(3)]).forgotten).toHaveLength(500);
  expect(withoutKeys(state, [key(500)])).toEqual({ epoch: 1 });
});
