import { describe, expect, it } from "vitest";
import {
  decideInput,
  decideOpening,
  type Head,
  type InputFacts,
  type InputVerdict,
  type Producer,
  type StepFacts,
} from "../../../src/workflow/opening.ts";
import type { InputRecord } from "../../../src/workflow/record.ts";

const old: Head = { digest: "sha256:old" };
const young: Head = { digest: "sha256:new" };
const missing: Head = { missing: true };
const unknown: Head = { unknown: "the registry is not ready" };

const producer = (uid: string, state: Producer["state"], more: Partial<Producer> = {}): Producer => ({
  ...{ uid, name: `Job ${uid}`, createdAt: 0, state },
  ...more,
});
const facts = (head: Head, producers: readonly Producer[] = [], more: Partial<InputFacts> = {}) =>
  decideInput({ input: "a/b:1", exact: false, head, producers, record: undefined, ...more });
const record = (producers: InputRecord["producers"], found: string | undefined = "sha256:old") => {
  const last = Object.keys(producers).at(-1);
  return {
    ...{ input: "a/b:1", producers },
    ...(found === undefined ? {} : { found }),
    ...(last === undefined ? {} : { last: `Job ${last}` }),
  };
};

describe("of several steps that make an input", () => {
  const first = producer("a", "live", { pushed: "sha256:first", isWritten: true });
  const second = producer("b", "live", { pushed: "sha256:new", createdAt: 1 });

  it("one that was written over before it has ended holds nobody", () => {
    const before = record({ a: "live", b: "live" }, "none");
    expect(facts(young, [first, second], { record: before }).verdict).toMatchObject({ pin: "sha256:new" });
  });

  it("one whose push the tag has not had yet still counts, and one that has to push", () => {
    const told = { ...first, isWritten: false };
    const before = record({ a: "live", b: "live" }, "none");
    expect(facts(young, [told, second], { record: before }).verdict).toMatchObject({ kind: "unknown" });
    const { pushed: _, ...working } = second;
    expect(facts(young, [first, working], { record: before }).verdict).toMatchObject({ kind: "made" });
  });

  it("very many are remembered by the last ones, and by who has pushed", () => {
    const many = Array.from({ length: 5_000 }, (_, i) =>
      producer(`u${i}`, i === 7 ? "succeeded" : "live", { createdAt: i }),
    );
    const { record: kept } = facts(old, many, { record: record({}) });
    expect(Object.keys(kept.producers)).toEqual(["u7", ...many.slice(-40).map(({ uid }) => uid)]);
    // None of those that had ended before is taken for one that has pushed since.
    const ended = many.map((one) => ({ ...one, state: "succeeded" as const }));
    const first = facts(old, ended);
    const again = facts(old, ended, { record: first.record });
    for (const { verdict } of [first, again])
      expect(verdict).toMatchObject({ kind: "there", mayBeOld: true });
    // The last one has gone unseen.
    const left = facts(
      old,
      many.slice(0, 1).map((one) => ({ ...one, state: "failed" as const })),
      { record: kept },
    );
    expect(left.verdict).toMatchObject({ kind: "failed" });
  });
});

describe("an input that is looked at first", () => {
  it.each<[string, Head, readonly Producer[], object]>([
    ["is there, but may be old", old, [], { kind: "there", pin: "sha256:old", mayBeOld: true }],
    ["is made by nobody", missing, [], { kind: "nobody" }],
    ["is not known", unknown, [], { kind: "unknown", why: "the registry is not ready" }],
    [
      "is waited for in the Pod",
      { refused: "no login" },
      [],
      { kind: "there", pin: "wait", mayBeOld: false },
    ],
    ["is made, though its tag is there", old, [producer("p", "live")], { kind: "made" }],
    ["is made", missing, [producer("p", "live")], { kind: "made" }],
    ["is made, though its registry says nothing", unknown, [producer("p", "live")], { kind: "made" }],
    [
      "is made, though the operator may not ask its registry",
      { refused: "" },
      [producer("p", "live")],
      { kind: "made" },
    ],
    // Steps of an earlier run stay in the namespace: those of this one may be created next.
    [
      "may be old, though a step that made it has ended",
      old,
      [producer("p", "succeeded")],
      { kind: "there", mayBeOld: true },
    ],
    [
      "is not there after a failure",
      old,
      [producer("p", "failed")],
      { kind: "failed", by: "Job p", how: "failed" },
    ],
    [
      "is not there, and it failed",
      missing,
      [producer("p", "failed")],
      { kind: "failed", by: "Job p", how: "failed" },
    ],
    ["is gone though it was made", missing, [producer("p", "succeeded")], { kind: "nobody" }],
    [
      "is still made when another that makes it has ended",
      old,
      [producer("p", "succeeded"), producer("q", "live")],
      { kind: "made" },
    ],
    [
      "is there after the retry of a failure",
      old,
      [producer("q", "succeeded", { createdAt: 2 }), producer("p", "failed", { createdAt: 1 })],
      { kind: "there" },
    ],
    [
      "is not there when what made it last failed",
      old,
      [producer("q", "failed", { createdAt: 2 }), producer("p", "succeeded", { createdAt: 1 })],
      { kind: "failed", by: "Job q", how: "failed" },
    ],
  ])("%s", (_, head, producers, verdict) => {
    expect(facts(head, producers).verdict).toMatchObject(verdict);
  });

  it("is not old where its author names a digest", () => {
    expect(facts(old, [], { exact: true }).verdict).toEqual({
      kind: "there",
      pin: "sha256:old",
      mayBeOld: false,
    });
  });

  it("is remembered: what was there, what was not, and what is not known yet", () => {
    const live = [producer("p", "live")];
    expect(facts(old, live).record).toEqual(record({ p: "live" }));
    expect(facts(missing, live).record).toEqual(record({ p: "live" }, "none"));
    expect(facts(unknown, live).record).toEqual({
      ...{ input: "a/b:1", producers: { p: "live" }, last: "Job p" },
    });
    expect(facts(old, [producer("p", "succeeded")]).record).toEqual(record({ p: "earlier" }));
  });
});

describe("an input that was looked at before", () => {
  it.each<[string, InputRecord["producers"], Head, readonly Producer[], object]>([
    [
      "was pushed",
      { p: "live" },
      young,
      [producer("p", "succeeded")],
      { kind: "there", pin: "sha256:new", mayBeOld: false },
    ],
    [
      "was pushed again, the same",
      { p: "live" },
      old,
      [producer("p", "succeeded")],
      { kind: "there", mayBeOld: false },
    ],
    [
      "was pushed by a step that is gone",
      { p: "pushed" },
      old,
      [],
      { kind: "there", pin: "sha256:old", mayBeOld: false },
    ],
    [
      "was pushed by a step that is gone, before",
      { p: "earlier" },
      old,
      [],
      { kind: "there", mayBeOld: true },
    ],
    ["was pushed by a step that came since", {}, old, [producer("p", "succeeded")], { mayBeOld: false }],
    [
      "was not pushed",
      { p: "live" },
      old,
      [producer("p", "failed")],
      { kind: "failed", by: "Job p", how: "failed" },
    ],
    ["was pushed all the same", { p: "live" }, young, [producer("p", "failed")], { pin: "sha256:new" }],
    ["is of a step that vanished", { p: "live" }, old, [], { kind: "failed", by: "Job p", how: "is gone" }],
    ["is of a step that vanished, and nothing", { p: "live" }, missing, [], { kind: "failed" }],
    ["is of a step that vanished and had moved it", { p: "live" }, young, [], { pin: "sha256:new" }],
    [
      "is of a step that vanished, whose forerunner pushed",
      { p: "earlier", q: "live" },
      old,
      [producer("p", "succeeded")],
      { kind: "failed", by: "Job q", how: "is gone" },
    ],
    ["is made again", { p: "live" }, old, [producer("q", "live")], { kind: "made" }],
    [
      "was made again",
      { p: "failed" },
      old,
      [producer("q", "succeeded")],
      { kind: "there", mayBeOld: false },
    ],
    [
      "was made again by one that is gone, too",
      { p: "failed", q: "pushed" },
      old,
      [],
      { kind: "there", mayBeOld: false },
    ],
    ["was made again, and failed", { p: "pushed", q: "live" }, old, [], { kind: "failed" }],
    [
      "was moved by somebody else while a step has still to push it",
      { p: "live" },
      young,
      [producer("p", "live")],
      { kind: "made" },
    ],
  ])("%s", (_, producers, head, now, verdict) => {
    expect(facts(head, now, { record: record(producers) }).verdict).toMatchObject(verdict);
  });

  it("was not moved where it was not known at first: only a push counts", () => {
    const before = { input: "a/b:1", producers: { p: "live" } } as const;
    const after = facts(old, [producer("p", "failed")], { record: before });
    expect(after).toEqual({
      verdict: { kind: "failed", by: "Job p", how: "failed" },
      record: record({ p: "failed" }),
    });
    expect(facts(old, [], { record: before }).verdict).toMatchObject({ kind: "failed" });
    expect(facts(old, [producer("p", "succeeded")], { record: before }).verdict).toMatchObject({
      kind: "there",
    });
  });

  it("came where nothing was", () => {
    const before = record({}, "none");
    expect(facts(young, [], { record: before }).verdict).toMatchObject({ kind: "there", mayBeOld: false });
  });

  it("keeps the order in which the steps that make it came", () => {
    const names = (decision: ReturnType<typeof facts>) => Object.keys(decision.record.producers);
    const first = facts(old, [
      producer("z", "live", { createdAt: 1 }),
      producer("b", "live", { createdAt: 2 }),
      producer("a", "live", { createdAt: 2 }),
    ]);
    expect(names(first)).toEqual(["z", "a", "b"]);
    const later = [producer("c", "live", { createdAt: 0 }), producer("b", "live", { createdAt: 2 })];
    expect(names(facts(old, later, { record: first.record }))).toEqual(["b", "c"]);
  });
});

describe("a push that is told before its tag is written", () => {
  const told = (state: Producer["state"] = "live") => producer("p", state, { pushed: "sha256:new" });
  const before = record({ p: "live" });

  it.each<[string, Head, readonly Producer[], object]>([
    ["opens nothing while the tag has what was there before", old, [told()], { kind: "unknown" }],
    ["opens nothing while the tag is not there", missing, [told()], { kind: "unknown" }],
    [
      "opens nothing while the tag has what somebody else pushed",
      { digest: "sha256:x" },
      [told()],
      { kind: "unknown" },
    ],
    ["opens when the tag has it", young, [told()], { kind: "there", pin: "sha256:new", mayBeOld: false }],
    ["is none where the step failed and the tag never had it", old, [told("failed")], { kind: "failed" }],
    ["is one where the step failed afterwards", young, [told("failed")], { kind: "there" }],
    [
      "is not the last where another has still to push",
      young,
      [told(), producer("q", "live", { createdAt: 2 })],
      { kind: "made" },
    ],
    [
      "is waited for, though another has failed",
      old,
      [told(), producer("q", "failed", { createdAt: 2 })],
      { kind: "unknown" },
    ],
    [
      "is waited for, though another's is there",
      young,
      [told(), producer("q", "live", { createdAt: 2, pushed: "sha256:newer" })],
      { kind: "unknown" },
    ],
    [
      "is moved over when the step has ended well",
      { digest: "sha256:x" },
      [told("succeeded")],
      { pin: "sha256:x" },
    ],
  ])("%s", (_, head, producers, verdict) => {
    expect(facts(head, producers, { record: before }).verdict).toMatchObject(verdict);
    expect(facts(head, producers, { record: before, exact: true }).verdict).toMatchObject(verdict);
  });

  it("is remembered when the tag has it, and not before", () => {
    expect(facts(old, [told()], { record: before }).record.producers).toEqual({ p: "live" });
    expect(facts(young, [told()], { record: before }).record.producers).toEqual({ p: "pushed" });
  });

  it("is still known by a new leader that nobody told", () => {
    const { record } = facts(young, [told()], { record: before });
    expect(facts(young, [producer("p", "live")], { record }).verdict).toMatchObject({ kind: "there" });
  });
});

const there = (mayBeOld = false, pin = "sha256:a"): InputVerdict => ({ kind: "there", pin, mayBeOld });
const failed: InputVerdict = { kind: "failed", by: "Job p", how: "failed" };
const nobody: InputVerdict = { kind: "nobody" };
const made: InputVerdict = { kind: "made", by: [producer("p", "live")] };

describe("a step", () => {
  const base: StepFacts = {
    ...{ now: 100_000, createdAt: 99_000, timeoutSeconds: undefined, onProducerFailure: "wait" },
    ...{ byHand: false, mayEnd: true, missingOfBatch: undefined, lastArrival: 99_000 },
  };
  const open = (...pins: string[]) => ({ kind: "open", pins });
  const wait = (againInMs?: number) => ({ kind: "wait", againInMs });
  const neverCame = { kind: "fail", reason: "InputNeverCame" };

  it.each<[string, Partial<StepFacts>, readonly InputVerdict[], object]>([
    ["opens when all are there", {}, [there(), there(false, "wait")], open("sha256:a", "wait")],
    ["waits for what nobody makes", {}, [there(), nobody], wait()],
    ["waits for what is made", {}, [made, there()], wait()],
    ["waits for what is unknown", {}, [{ kind: "unknown", why: "x" }], wait()],
    ["waits after a failure", {}, [failed], wait()],
    [
      "fails after a failure where it says so",
      { onProducerFailure: "fail" },
      [there(), failed],
      { kind: "fail", reason: "InputProducerFailed" },
    ],
    ["fails not where somebody makes it", { onProducerFailure: "fail" }, [made, nobody], wait()],
    ["settles 2 s after the last that came", {}, [there(true), there()], wait(1_000)],
    ["settles while others come", { now: 110_000, lastArrival: 109_500 }, [there(true)], wait(1_500)],
    ["settles at most 60 s", { now: 158_000, lastArrival: 158_000 }, [there(true)], wait(1_000)],
    ["has settled after 60 s", { now: 159_000, lastArrival: 159_000 }, [there(true)], open("sha256:a")],
    ["has settled after 2 s", { now: 101_000 }, [there(true)], open("sha256:a")],
    ["need not settle where all are of this run", {}, [there(false)], open("sha256:a")],
    ["need not settle where its batch is there", { missingOfBatch: 0 }, [there(true)], open("sha256:a")],
    ["waits for its batch", { missingOfBatch: 2 }, [there(false)], wait()],
    ["waits for its batch beyond 60 s", { missingOfBatch: 1, now: 999_000 }, [there(true)], wait()],
    ["waits as long as it may", { timeoutSeconds: 5 }, [nobody], wait(4_000)],
    ["looks again when the first of both is over", { timeoutSeconds: 5 }, [there(true), nobody], wait(1_000)],
    ["fails after that", { timeoutSeconds: 1 }, [nobody], neverCame],
    ["fails after that while it is made", { timeoutSeconds: 1 }, [made], neverCame],
    ["fails after that while it settles", { timeoutSeconds: 1 }, [there(true)], neverCame],
    [
      "fails after that while its batch is not whole",
      { timeoutSeconds: 1, missingOfBatch: 1 },
      [there()],
      neverCame,
    ],
    ["opens after that all the same, when all are there", { timeoutSeconds: 1 }, [there()], open("sha256:a")],
    [
      "goes on after that where somebody else writes its status",
      { timeoutSeconds: 1, mayEnd: false },
      [nobody],
      { kind: "wait", againInMs: undefined, overdue: "InputNeverCame" },
    ],
    [
      "goes on after a failure where somebody else writes its status, as long as it may",
      { onProducerFailure: "fail", timeoutSeconds: 5, mayEnd: false },
      [failed],
      { kind: "wait", againInMs: 4_000, overdue: "InputProducerFailed" },
    ],
    [
      "settles after that where somebody else writes its status",
      { timeoutSeconds: 1, mayEnd: false },
      [there(true)],
      { kind: "wait", againInMs: 1_000, overdue: "InputNeverCame" },
    ],
    [
      "opens by hand with what is there",
      { byHand: true, timeoutSeconds: 1, missingOfBatch: 3, onProducerFailure: "fail" },
      [there(true), nobody, failed, made],
      open("sha256:a", "tag", "tag", "tag"),
    ],
  ])("%s", (_, more, inputs, opening) => {
    expect(decideOpening({ ...base, ...more }, inputs)).toEqual(opening);
  });
});

describe("a step that ended without a push", () => {
  it("has not made its output, whatever its tag has", () => {
    const ended = producer("p", "succeeded", { pushedNothing: true });
    for (const before of [undefined, record({ p: "live" })])
      expect(facts(old, [ended], { record: before }).verdict).toEqual({
        kind: "failed",
        by: "Job p",
        how: "succeeded without pushing a/b:1",
      });
    expect(facts(young, [ended], { record: record({ p: "live" }) }).verdict).toMatchObject({ kind: "there" });
  });
});

describe("an input that a step pushes if it fails", () => {
  const [live, succeeded] = (["live", "succeeded"] as const).map((state) => ({
    uid: state,
    name: state,
    state,
  }));
  it("names the step that may still", () => {
    const leavers = [live, succeeded].flatMap((one) => one ?? []);
    expect(facts(missing, [], { leavers }).verdict).toEqual({ kind: "nobody", leaver: live });
    expect(facts(missing, [], { leavers: leavers.slice(1) }).verdict).toMatchObject({ leaver: succeeded });
    expect(facts(old, [], { leavers }).verdict).toMatchObject({ kind: "there" });
  });
});

describe("a step that failed", () => {
  it("is told how, also where its container says that nothing was pushed", () => {
    const failed = producer("p", "failed", { pushedNothing: true, failure: "container main, exit code 5" });
    expect(facts(missing, [failed]).verdict).toEqual({
      kind: "failed",
      by: "Job p",
      how: "failed (container main, exit code 5)",
    });
  });

  it("because of another one is told with that", () => {
    const root = { by: "Job r", how: "failed (container main, exit code 5)" };
    const failed = producer("p", "failed", { failure: "InputProducerFailed", root });
    expect(facts(missing, [failed]).verdict).toEqual({
      kind: "failed",
      by: "Job p",
      how: "failed, as Job r failed (container main, exit code 5)",
      again: "Job r, then Job p",
    });
  });
});

describe("what is remembered of steps that make an input", () => {
  it("does not grow with those that are gone, and says the same", () => {
    let before: InputRecord | undefined;
    for (let i = 0; i < 1_000; i++) {
      const uid = `u${i}`;
      before = facts(old, [producer(uid, i % 2 ? "succeeded" : "failed", { createdAt: i })], {
        record: before,
      }).record;
      expect(Object.keys(before.producers).length).toBeLessThanOrEqual(3);
    }
    const states = { a: "pushed", b: "failed", c: "pushed", d: "earlier", e: "failed", f: "failed" } as const;
    const kept = facts(old, [producer("b", "failed")], { record: record(states) });
    expect(kept.record.producers).toEqual({ b: "failed", c: "pushed", f: "failed" });
    expect(kept.verdict).toEqual({ kind: "failed", by: "Job f", how: "is gone" });
  });

  it("has the name of the last one, which is told when it is gone, and of one that failed how", () => {
    const failed = producer("p", "failed", { failure: "container main, exit code 3" });
    const seen = facts(missing, [failed]);
    expect(seen.verdict).toEqual({
      kind: "failed",
      by: "Job p",
      how: "failed (container main, exit code 3)",
    });
    const gone = facts(missing, [], { record: seen.record });
    expect(gone.verdict).toEqual({ kind: "failed", by: "Job p", how: "is gone" });
    // It is not forgotten either, however often it is looked at.
    expect(facts(missing, [], { record: gone.record }).verdict).toEqual(gone.verdict);
    const again = facts(missing, [producer("q", "live")], { record: gone.record });
    expect(facts(missing, [], { record: again.record }).verdict).toMatchObject({
      by: "Job q",
      how: "is gone",
    });
    // As an earlier version has written it.
    const { last: _, ...before } = seen.record;
    expect(facts(missing, [], { record: before }).verdict).toMatchObject({ by: "a step", how: "is gone" });
  });
});
