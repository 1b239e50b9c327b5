import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideInput, decideOpening, type Head, type Producer } from "../../src/workflow/opening.ts";
import { readRecord, writeRecord } from "../../src/workflow/record.ts";

/** A step that makes the one artifact, as it is. */
interface Made extends Producer {
  /** It has told of its push; the tag has it, or not yet. */
  readonly digest: string;
  readonly step: "working" | "told" | "written" | "over";
  /** The keeper's hint of its push is remembered by this leader. */
  readonly heard: boolean;
  readonly isGone: boolean;
}

/** All there is: a tag, the steps that make it, one that waits for it. */
class World {
  now = 1_000_000;
  tag: string | undefined;
  steps: Made[] = [];
  lastArrival = this.now;
  readonly createdAt = this.now;
  record: string | undefined;
  opened: string[] = [];
  registryAnswers = true;
  readonly rules: Rules;

  constructor(tag: string | undefined, rules: Rules) {
    this.tag = tag;
    this.rules = rules;
  }

  /** As src/controllers/gates.ts looks at a step. */
  look(): void {
    if (this.opened.length > 0) return;
    const before = readRecord(this.rules.remembers ? this.record : undefined).get("a/b:1");
    const producers = this.steps
      .filter(({ isGone }) => !isGone)
      .map(({ uid, name, createdAt, state, step, heard, digest }) => ({
        ...{ uid, name, createdAt, state, isWritten: step === "written" },
        ...(heard && { pushed: this.rules.waitsForTag ? digest : (this.tag ?? digest) }),
      }));
    const isFound = before?.found !== undefined;
    const isMade = isFound && producers.some(({ state, pushed }) => state === "live" && pushed === undefined);
    const head: Head = isMade || !this.registryAnswers ? { unknown: "x" } : this.head();
    const { verdict, record } = decideInput({
      ...{ input: "a/b:1", exact: false, head, producers, record: before },
    });
    const { now, createdAt, lastArrival } = this;
    const opening = decideOpening(
      {
        ...{ now, createdAt, lastArrival, timeoutSeconds: undefined, onProducerFailure: "wait" },
        ...{ byHand: false, mayEnd: true, missingOfBatch: undefined },
      },
      [verdict],
    );
    if (opening.kind === "open") this.open(opening.pins[0] ?? "");
    else this.record = writeRecord([record]);
  }

  private head(): Head {
    return this.tag === undefined ? { missing: true } : { digest: this.tag };
  }

  private open(pin: string): void {
    this.opened.push(pin);
    expect(pin).toBe(this.tag);
    const left = this.steps.filter(
      ({ step, state }) => state === "live" && (step === "working" || step === "told"),
    );
    expect(left.map(({ uid }) => uid)).toEqual([]);
    // The last that was to make it pushed, or somebody has since this step was created.
    const last = this.steps.at(-1);
    if (last?.state === "failed" && last.step === "over") expect(pin).not.toBe("sha256:old");
  }
}

interface Rules {
  readonly waitsForTag: boolean;
  readonly remembers: boolean;
}

type Command = (world: World, n: number) => void;

const change = (
  world: World,
  n: number,
  which: (made: Made) => boolean,
  to: (made: Made) => Partial<Made>,
) => {
  const fitting = world.steps.filter((made) => !made.isGone && which(made));
  const made = fitting[n % Math.max(fitting.length, 1)];
  if (made) world.steps = world.steps.map((one) => (one === made ? { ...one, ...to(one) } : one));
};
const isLive = ({ state }: Made) => state === "live";

const commands: Record<string, Command> = {
  create: (world) => {
    if (world.opened.length > 0 || world.steps.length >= 4) return;
    const uid = `u${world.steps.length}`;
    const made: Made = {
      ...{ uid, name: `Job ${uid}`, createdAt: world.now, state: "live", step: "working" },
      ...{ digest: `sha256:${uid}`, heard: false, isGone: false },
    };
    world.steps = [...world.steps, made];
    world.lastArrival = world.now;
    world.look();
  },
  /** The registry tells before it writes the tag. */
  tell: (world, n) =>
    change(
      world,
      n,
      (made) => isLive(made) && made.step === "working",
      () => ({ step: "told", heard: true }),
    ),
  write: (world, n) =>
    change(
      world,
      n,
      (made) => isLive(made) && made.step === "told",
      (made) => {
        world.tag = made.digest;
        return { step: "written" };
      },
    ),
  succeed: (world, n) =>
    change(
      world,
      n,
      (made) => isLive(made) && made.step === "written",
      () => ({ state: "succeeded" }),
    ),
  /** Before it has pushed, or between. */
  fail: (world, n) => {
    change(
      world,
      n,
      (made) => isLive(made) && made.step !== "written",
      () => ({ state: "failed", step: "over" }),
    );
    world.look();
  },
  vanish: (world, n) => {
    change(
      world,
      n,
      (made) => isLive(made) && made.step !== "written",
      () => ({ state: "failed", step: "over", isGone: true }),
    );
  },
  /** Of one that has ended, by its TTL. */
  remove: (world, n) => {
    world.look();
    change(
      world,
      n,
      ({ state }) => state !== "live",
      () => ({ isGone: true }),
    );
  },
  look: (world) => world.look(),
  wait: (world, n) => {
    world.now += n * 500;
    world.look();
  },
  /** Another leader has heard of no push. */
  restart: (world) => {
    world.steps = world.steps.map((made) => ({ ...made, heard: made.state !== "live" && made.heard }));
  },
  silence: (world) => {
    world.registryAnswers = false;
  },
  answer: (world) => {
    world.registryAnswers = true;
  },
};

const scripts = fc.array(fc.tuple(fc.constantFrom(...Object.keys(commands)), fc.nat(9)), { maxLength: 40 });
const tags = fc.constantFrom("sha256:old", undefined);

function run(script: readonly (readonly [string, number])[], tag: string | undefined, rules: Rules): World {
  const world = new World(tag, rules);
  world.look();
  for (const [name, n] of script) commands[name]?.(world, n);
  return world;
}

/** Everything that was begun ends well, and what failed last is made again. */
function finish(world: World): void {
  world.registryAnswers = true;
  world.look();
  if (!world.steps.some(isLive)) commands["create"]?.(world, 0);
  for (let i = 0; i < 4; i++)
    for (const name of ["tell", "look", "write", "succeed"]) commands[name]?.(world, 0);
  world.now += 60_000;
  world.look();
}

const all: Rules = { waitsForTag: true, remembers: true };
const property = (rules: Rules) => fc.property(scripts, tags, (script, tag) => void run(script, tag, rules));

describe("a step that waits for one artifact", () => {
  it("never starts on what was there before while a step has still to push it", () => {
    fc.assert(property(all), { numRuns: 20_000 });
  });

  it("starts in the end, once, when all that make it have pushed", () => {
    fc.assert(
      fc.property(scripts, tags, (script, tag) => {
        const world = run(script, tag, all);
        if (world.steps.length >= 4 && !world.steps.some(isLive)) return;
        finish(world);
        expect(world.opened).toHaveLength(1);
      }),
      { numRuns: 10_000 },
    );
  });

  it.each<[string, Rules]>([
    ["a push counted before the tag has it", { ...all, waitsForTag: false }],
    ["nothing were remembered", { ...all, remembers: false }],
  ])("would start too early if %s", (_, rules) => {
    expect(fc.check(property(rules), { numRuns: 20_000 }).failed).toBe(true);
  });
});
