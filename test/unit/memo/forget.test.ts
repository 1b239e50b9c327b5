import fc from "fast-check";
import { expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import {
  answered,
  answerTo,
  isAnswered,
  longestRequest,
  type NamedStep,
  readForget,
  readStep,
  writeForget,
} from "../../../src/memo/forget.ts";
import type { Outcome } from "../../../src/memo/memos.ts";
import { isForgotten, longestForgotten, type MemoState } from "../../../src/memo/state.ts";

const step: fc.Arbitrary<NamedStep> = fc.record({
  kind: fc.constantFrom("Job", "Pod"),
  name: fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?$/),
});
const id = fc.stringMatching(/^[!-~]{1,30}$/);
const key = fc.stringMatching(/^[ab]{64}$/);
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant({ kind: "all" } as const),
  fc.record({ kind: fc.constant("refused" as const), because: fc.string() }),
  fc.record({
    kind: fc.constant("keys" as const),
    steps: fc.array(fc.record({ id: fc.string(), keys: fc.array(key, { minLength: 1, maxLength: 20 }) }), {
      minLength: 1,
    }),
  }),
);

/** Keys that are forgotten then, or some. */
function keysIn(wanted: Outcome): readonly string[] {
  if (wanted.kind === "keys") return wanted.steps.flatMap(({ keys }) => keys);
  return wanted.kind === "all" ? ["any"] : [];
}

test("a request is read as it was written", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), id, (steps, again) => {
      const wanted = readForget(writeForget(steps, again));
      expect(wanted).toEqual(steps.length === 0 ? { kind: "all" } : { kind: "steps", steps });
    }),
  );
});

test.each([
  ["all", { kind: "all" }],
  ["  all\n", { kind: "all" }],
  ["job/a", { kind: "steps", steps: [{ kind: "Job", name: "a" }] }],
])("by hand, %j is enough", (value, wanted) => {
  expect(readForget(value)).toEqual(wanted);
});

test.each([
  ["", '""'],
  ["All", '"All"'],
  ["jobs/a", '"jobs/a"'],
  ["job/", '"job/"'],
  ["job/A", '"job/A"'],
  ["job/a,", '""'],
  ["job/a, pod/b", '""'],
  ["job/a,all", '"all"'],
  ["all of them", "more than two words"],
  ["job/../../secrets/x", '"job/../../secrets/x"'],
  [`job/${"a".repeat(254)}`, "job/aaa"],
  [`job/a ${"1".repeat(longestRequest)}`, "characters"],
])("%j is refused, with what is allowed", (value, found) => {
  const wanted = readForget(value);
  expect(wanted.kind).toBe("wrong");
  const { because } = wanted as { because: string };
  expect(because).toContain(`annotation ${names.forgetAnnotation}: `);
  expect(because).toContain(found);
  expect(because).toContain("allowed are all, or steps as job/NAME or pod/NAME");
});

test("anything can be read, and anything but steps is none", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(["all", "steps", "wrong"]).toContain(readForget(text).kind);
      const named = readStep(text);
      if (named) expect(text).toBe(`${named.kind.toLowerCase()}/${named.name}`);
    }),
  );
});

test("whatever is asked for and answered: nothing that was forgotten comes back, and the status stays small", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), outcome)), (requests) => {
      let state: MemoState | undefined;
      for (const [request, wanted] of requests) {
        const before = state;
        const after = answered(state, request, wanted);
        state = after;
        expect(isAnswered(after, request)).toBe(true);
        expect(after.answers?.length).toBeLessThanOrEqual(5);
        expect(answerTo(after, request)).toBe(after.answers?.[0]);
        expect(after.answers?.[0]?.done).toBe(wanted.kind !== "refused");
        expect(after.answers?.[0]?.message.length).toBeLessThanOrEqual(1000);
        expect(JSON.stringify(after.forgotten ?? []).length).toBeLessThanOrEqual(longestForgotten);
        for (const each of keysIn(wanted)) expect(isForgotten(after, each, before?.epoch ?? 0)).toBe(true);
        if (wanted.kind === "refused")
          expect({ ...after, answers: undefined }).toEqual({ epoch: 0, ...before, answers: undefined });
      }
    }),
  );
});

test("who asks for so much that the list is full reads what else was forgotten", () => {
  const many = (from: number) =>
    Array.from({ length: 8_000 }, (_, i) => (from + i).toString(16).padStart(12, "0").padEnd(64, "5"));
  const steps = (id: string, from: number) => ({ kind: "keys" as const, steps: [{ id, keys: many(from) }] });
  const first = answered(undefined, "job/a 1", steps("job/a", 0));
  expect(first.answers?.[0]?.message).toBe("Forgot the results of job/a (8000 keys).");
  const second = answered(first, "job/b 1", steps("job/b", 8_000));
  expect(second.answers?.[0]?.message).toBe(
    "Forgot the results of job/b (8000 keys). The list of forgotten results in the status was full: what was remembered before the last 2 of 2 times that results were forgotten, and not taken for long, is forgotten, too. Equal steps run once more.",
  );
});

test.each([
  ["ten steps with the longest names", 10, 250],
  ["more steps than it names", 300, 100],
  ["one step", 1, 1],
])("and reads it whatever else the answer says: %s", (_what, count, length) => {
  const each = Math.floor(9_000 / count);
  const steps = (from: number) =>
    Array.from({ length: count }, (_, at) => ({
      id: `job/${`${at}`.padEnd(length, "a")}`,
      keys: Array.from({ length: each }, (_k, i) =>
        (from + at * each + i).toString(16).padStart(12, "0").padEnd(64, "5"),
      ),
    }));
  const first = answered(undefined, "a 1", { kind: "keys", steps: steps(0) });
  expect(first.answers?.[0]?.message).not.toContain("was full");
  const { answers } = answered(first, "a 2", { kind: "keys", steps: steps(9_000) });
  expect(answers?.[0]?.message).toContain("Equal steps run once more.");
  expect(answers?.[0]?.message).toContain("before the last 2 of 2 times");
  expect(answers?.[0]?.message.length).toBeLessThanOrEqual(1000);
});

test("the answer names steps and keys", () => {
  const steps = [
    { id: "job/a", keys: ["a".repeat(64)] },
    { id: "job/b", keys: ["b".repeat(64), "c".repeat(64)] },
  ];
  const { answers } = answered({ epoch: 2 }, "job/a,job/b 1", { kind: "keys", steps });
  expect(answers?.[0]?.message).toBe("Forgot the results of job/a (key aaaaaaaaaaaa), job/b (2 keys).");
});
