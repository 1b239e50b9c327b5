import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideMemo, type Flight, longestStartMs, type MemoDecision } from "../../src/memo/decide.ts";
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
type Happening = (typeof events)[number];

/** All steps, and what is remembered. */
class World {
  now = 10;
  isUnknown = false;
  readonly remembered = new Set<string>();
  readonly all: Model[];

  constructor(drawn: readonly Pick<Model, "mode" | "key" | "createdAt">[]) {
    this.all = drawn.map((one, i) => ({
      ...one,
      ...{ uid: `u${i}`, phase: "held", openedAt: 0, started: false, suspended: false, recorded: false },
    }));
  }

  /** As src/controllers/memo.ts looks at a step. */
  look(model: Model): void {
    if (model.phase !== "held") return;
    const decision = this.decide(model);
    if (decision.kind === "hit") {
      expect([model.mode, this.remembered.has(model.key)]).toEqual(["on", true]);
      model.phase = "hit";
    } else if (decision.kind === "join") {
      expect([model.mode, decision.flight.mode, decision.againInMs > 0]).toEqual(["on", "on", true]);
    } else if (decision.kind === "run") {
      Object.assign(model, { phase: "opened", openedAt: this.now });
      // Of those that can be joined there is one at a time.
      if (model.mode === "on") expect(this.flying(model.key)).toEqual([model]);
    }
  }

  private decide(model: Model): MemoDecision {
    const others = this.all.filter(
      (one) => one !== model && one.key === model.key && !["held", "hit"].includes(one.phase),
    );
    const facts = { mode: model.mode, now: this.now, unknownSince: this.now, flights: others.map(flightOf) };
    const first = decideMemo({ ...facts, found: undefined });
    return first.kind === "ask" ? decideMemo({ ...facts, found: this.find(model.key) }) : first;
  }

  private find(key: string): Found {
    if (this.isUnknown) return { kind: "unknown", because: "no answer" };
    if (this.remembered.has(key)) return { kind: "hit", entry: entryOf(key) };
    return { kind: "miss", because: "nothing is remembered of it" };
  }

  private flying(key: string): Model[] {
    const isEarly = ({ started, openedAt }: Model) => started || openedAt + longestStartMs > this.now;
    return this.all.filter(
      (one) =>
        one.key === key && one.mode === "on" && one.phase === "opened" && !one.suspended && isEarly(one),
    );
  }

  /** What happens to a step, if it can. */
  private readonly ways: Readonly<Record<string, (model: Model) => void>> = {
    look: (model) => this.look(model),
    record: (model) => {
      if (model.phase !== "succeeded") return;
      model.recorded = true;
      this.remembered.add(model.key);
    },
    // One that starts after it was given up is one of two that run.
    start: (model) => {
      model.started ||= model.phase === "opened" && model.openedAt + longestStartMs > this.now;
    },
    suspend: (model) => {
      model.suspended ||= model.phase === "opened";
    },
    fail: (model) => {
      if (model.phase === "opened") model.phase = "failed";
    },
    succeed: (model) => {
      if (model.phase === "opened" && model.started && !model.suspended) model.phase = "succeeded";
    },
  };

  happen(what: Happening, model: Model | undefined): void {
    if (what === "time") this.now += longestStartMs / 2;
    else if (what === "unknown") this.isUnknown = !this.isUnknown;
    else if (what === "forget") this.remembered.clear();
    else if (model) this.ways[what]?.(model);
  }

  /** From here on all goes well: each round opens one at least, or ends some. */
  finish(): void {
    this.isUnknown = false;
    for (const _ of [...this.all, undefined]) {
      this.now += longestStartMs;
      for (const what of ["look", "start", "succeed", "record"] as const)
        for (const model of this.all) this.happen(what, model);
    }
  }
}

describe("decisions about steps with equal keys, in any order of events", () => {
  const step = fc.record({
    mode: fc.constantFrom<Model["mode"][]>("on", "on", "on", "refresh", "verify"),
    key: fc.constantFrom("k", "k", "l"),
    createdAt: fc.nat(3),
  });
  const event = fc.tuple(fc.constantFrom(...events), fc.nat(9));

  it("let one of them run at a time, and leave none held for ever", () => {
    const property = fc.property(
      fc.array(step, { minLength: 1, maxLength: 10 }),
      fc.array(event, { maxLength: 60 }),
      (drawn, happened) => {
        const world = new World(drawn);
        for (const [what, at] of happened) world.happen(what, world.all[at]);
        world.finish();
        expect(world.all.filter(({ phase }) => phase === "held")).toEqual([]);
      },
    );
    fc.assert(property, { numRuns: 2_000 });
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
