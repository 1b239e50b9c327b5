import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideMemo, type Flight, longestStartMs } from "../../src/memo/decide.ts";
import type { Found, MemoEntry } from "../../src/memo/memos.ts";

const entryOf = (key: string): MemoEntry => ({
  ...{ key, parts: "{}", at: "2026-01-01T00:00:00Z", by: { kind: "Job", name: "a", uid: "a" } },
  output: { repository: "a/b", digest: `sha256:${"a".repeat(64)}`, mediaType: "x", size: 1 },
});

/** A step of the model: held, opened, or over. */
interface Model {
  readonly uid: string;
  readonly mode: "on" | "refresh" | "verify";
  readonly key: string;
  readonly createdAt: number;
  phase: "held" | "opened" | "succeeded" | "failed" | "hit";
  openedAt: number;
  started: boolean;
  suspended: boolean;
  recorded: boolean;
}

const flightOf = (model: Model): Flight => ({
  ...{ uid: model.uid, name: `Job ${model.uid}`, createdAt: model.createdAt, mode: model.mode },
  state: model.phase === "opened" ? "live" : model.phase === "succeeded" ? "succeeded" : "failed",
  ...{ suspended: model.suspended, started: model.started },
  ...{ openedAt: model.openedAt, recorded: model.recorded },
});

const events = [
  "look",
  "start",
  "succeed",
  "fail",
  "record",
  "suspend",
  "time",
  "forget",
  "unknown",
] as const;

describe("decisions about steps with equal keys, in any order of events", () => {
  const step = fc.record({
    mode: fc.constantFrom("on", "on", "on", "refresh", "verify"),
    key: fc.constantFrom("k", "k", "l"),
    createdAt: fc.nat(3),
  });
  const event = fc.tuple(fc.constantFrom(...events), fc.nat(9));

  it("let one of them run at a time, and leave none held for ever", () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 10 }),
        fc.array(event, { maxLength: 60 }),
        (drawn, happened) => {
          const all = drawn.map(
            (one, i): Model => ({
              ...(one as Pick<Model, "mode" | "key" | "createdAt">),
              ...{ uid: `u${i}`, phase: "held", openedAt: 0, started: false, suspended: false },
              recorded: false,
            }),
          );
          const remembered = new Set<string>();
          let now = 10;
          let isUnknown = false;
          const look = (model: Model): void => {
            if (model.phase !== "held") return;
            const others = all.filter(
              (o) => o !== model && o.key === model.key && "held hit".includes(o.phase) === false,
            );
            const facts = { mode: model.mode, now, unknownSince: 0, flights: others.map(flightOf) };
            const miss: Found = { kind: "miss", because: "nothing is remembered of it" };
            const known: Found = remembered.has(model.key)
              ? { kind: "hit", entry: entryOf(model.key) }
              : miss;
            const found: Found = isUnknown ? { kind: "unknown", because: "no answer" } : known;
            const first = decideMemo({ ...facts, found: undefined });
            const decision =
              first.kind === "ask" ? decideMemo({ ...facts, unknownSince: now, found }) : first;
            if (decision.kind === "hit") {
              expect(model.mode).toBe("on");
              expect(remembered.has(model.key)).toBe(true);
              model.phase = "hit";
            } else if (decision.kind === "run") {
              model.phase = "opened";
              model.openedAt = now;
            } else if (decision.kind === "join") {
              expect(model.mode).toBe("on");
              expect(decision.flight.mode).toBe("on");
              expect(decision.againInMs).toBeGreaterThan(0);
            }
            // Of those that can be joined there is one at a time.
            const flying = all.filter(
              (o) =>
                o.key === model.key &&
                o.mode === "on" &&
                o.phase === "opened" &&
                !o.suspended &&
                (o.started || o.openedAt + longestStartMs > now),
            );
            if (decision.kind === "run" && model.mode === "on") expect(flying).toEqual([model]);
          };
          const apply = (what: (typeof events)[number], model: Model | undefined): void => {
            if (what === "time") now += longestStartMs / 2;
            else if (what === "unknown") isUnknown = !isUnknown;
            else if (what === "forget") remembered.clear();
            else if (model === undefined) return;
            else if (what === "look") look(model);
            else if (model.phase === "succeeded" && what === "record") {
              model.recorded = true;
              remembered.add(model.key);
            } else if (model.phase !== "opened") return;
            // One that goes on after it was given up is one of two that run.
            else if (what === "start" && model.openedAt + longestStartMs > now) model.started = true;
            else if (what === "suspend") model.suspended = true;
            else if (what === "fail") model.phase = "failed";
            else if (what === "succeed" && model.started && !model.suspended) model.phase = "succeeded";
          };
          for (const [what, at] of happened) apply(what, all[at]);
          // From here on all goes well: each round opens one at least, or ends some.
          isUnknown = false;
          for (let round = 0; round <= all.length; round++) {
            now += longestStartMs;
            for (const model of all) look(model);
            for (const model of all)
              for (const what of ["start", "succeed", "record"] as const) apply(what, model);
          }
          expect(all.filter(({ phase }) => phase === "held")).toEqual([]);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("a step that could be opened", () => {
  const flight: Flight = {
    ...{ uid: "b", name: "Job b", createdAt: 2, mode: "on", state: "live", suspended: false },
    ...{ started: true, openedAt: 2, recorded: false },
  };
  const decide = (fields: object = {}) =>
    decideMemo({ mode: "on", now: 10, found: undefined, unknownSince: 10, flights: [flight], ...fields });

  it("joins the oldest, then the one whose UID comes first", () => {
    const flights = [flight, { ...flight, uid: "d", createdAt: 1 }, { ...flight, uid: "c", createdAt: 1 }];
    expect(decide({ flights })).toMatchObject({ kind: "join", flight: { uid: "c" } });
  });

  it.each<[string, Partial<Flight>]>([
    ["failed", { state: "failed" }],
    ["is suspended", { suspended: true }],
    ["did not start within ten minutes", { started: false, openedAt: 10 - longestStartMs }],
    ["is made again", { mode: "refresh" }],
    ["is compared", { mode: "verify" }],
    ["has its result remembered", { state: "succeeded", recorded: true }],
  ])("does not join one that %s", (_, fields) => {
    expect(decide({ flights: [{ ...flight, ...fields }] })).toEqual({ kind: "ask" });
  });

  it("joins one that has succeeded until its result is remembered", () => {
    expect(decide({ flights: [{ ...flight, state: "succeeded" }] })).toMatchObject({ kind: "join" });
  });

  it("waits for a registry that does not answer, and not for ever", () => {
    const found: Found = { kind: "unknown", because: "no answer" };
    expect(decide({ flights: [], found })).toMatchObject({ kind: "wait" });
    expect(decide({ flights: [], found, unknownSince: 10 - 60_000 })).toMatchObject({ kind: "run" });
  });

  it.each(["refresh", "verify"] as const)("runs whatever is there, with %s", (mode) => {
    expect(decide({ mode, found: { kind: "hit", entry: entryOf("k") } })).toMatchObject({ kind: "run" });
  });
});
