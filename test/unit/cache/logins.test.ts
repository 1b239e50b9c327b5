import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import {
  currentUser,
  type Logins,
  loginNotes,
  plannedLogins,
  rotationVerdict,
  switched,
  untilNextLogin,
  validUsers,
} from "../../../src/cache/logins.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { storedCache } from "../../support/cache.ts";

const hour = 3_600_000;
const made = Date.parse("2026-01-01T00:00:00Z");
const facts = { now: made, isSettled: true, isInUse: () => false };
const time = (ms: number) => new Date(ms).toISOString().replace(".000", "");

interface Situation {
  readonly auth?: Logins | undefined;
  readonly rotate?: string | undefined;
  readonly asked?: string | undefined;
}

function cacheWith({ auth, rotate, asked }: Situation): StoredOrasCache {
  const spec = rotate === undefined ? {} : { auth: { type: "htpasswd" as const, rotate } };
  const annotations = asked === undefined ? {} : { [names.rotateAnnotation]: asked };
  const cache = storedCache(spec, { annotations, creationTimestamp: new Date(made) });
  return auth === undefined ? cache : { ...cache, status: { conditions: [], auth } };
}

describe("the users of a registry", () => {
  test("are the first one while nobody asks for another, and no status says so", () => {
    const cache = cacheWith({});
    expect(validUsers(cache)).toEqual(["oras-1"]);
    expect(currentUser(cache)).toBe("oras-1");
    expect(plannedLogins(cache, { ...facts, now: made + 9_999 * hour })).toBeUndefined();
    expect(untilNextLogin(cache, made)).toBeUndefined();
    expect(rotationVerdict(cache, made)).toBeUndefined();
  });

  test.each<[string, Situation, number, Logins | undefined]>([
    ["are two once one is asked for", { asked: "a" }, 0, { user: "oras-1", next: "oras-2", request: "a" }],
    [
      "stay what was asked for before",
      { asked: "a", auth: { user: "oras-2", request: "a" } },
      0,
      { user: "oras-2", request: "a" },
    ],
    ["are two once the login is old", { rotate: "48h" }, 48 * hour, { user: "oras-1", next: "oras-2" }],
    ["are one before that", { rotate: "48h" }, 48 * hour - 1, undefined],
    [
      "are of an age that begins with the last rotation",
      { rotate: "48h", auth: { user: "oras-9", since: time(made + 40 * hour) } },
      50 * hour,
      { user: "oras-9", since: time(made + 40 * hour) },
    ],
    [
      "have a name of their own after ten",
      { asked: "b", auth: { user: "oras-9", request: "a" } },
      0,
      { user: "oras-9", next: "oras-10", request: "b" },
    ],
    [
      "wait for the one that was begun",
      { asked: "b", auth: { user: "oras-1", next: "oras-2", request: "a" } },
      0,
      { user: "oras-1", next: "oras-2", request: "a" },
    ],
    [
      "end when their time is over",
      { auth: { user: "oras-2", earlier: [{ user: "oras-1", until: time(made + hour) }] } },
      hour,
      { user: "oras-2" },
    ],
    [
      "end no earlier",
      { auth: { user: "oras-2", earlier: [{ user: "oras-1", until: time(made + hour) }] } },
      hour - 1,
      { user: "oras-2", earlier: [{ user: "oras-1", until: time(made + hour) }] },
    ],
  ])("%s", (_, situation, after, expected) => {
    expect(plannedLogins(cacheWith(situation), { ...facts, now: made + after })).toEqual(expected);
  });

  test("change only while every Pod of the registry can be told", () => {
    for (const situation of [
      { asked: "a" },
      { auth: { user: "oras-2", earlier: [{ user: "oras-1", until: time(made - hour) }] } },
    ]) {
      const cache = cacheWith(situation);
      expect(plannedLogins(cache, { ...facts, isSettled: false })).toEqual(cache.status?.auth);
    }
    expect(rotationVerdict(cacheWith({ asked: "a" }), made)?.message).toContain("every Pod of the registry");
  });

  test("are valid while Pods have them, however long", () => {
    const earlier = [1, 2].map((n) => ({ user: `oras-${n}`, until: time(made - hour) }));
    const cache = cacheWith({ auth: { user: "oras-3", earlier } });
    const planned = plannedLogins(cache, { ...facts, isInUse: (user) => user === "oras-1" });
    expect(planned?.earlier).toEqual(earlier.slice(0, 1));
    expect(untilNextLogin(cache, made)).toBeGreaterThan(60_000);
  });

  test("are not more than the keeper takes: the next one waits, and the condition says for which", () => {
    const earlier = Array.from({ length: 8 }, (_, n) => ({ user: `oras-${n + 1}`, until: time(made - 1) }));
    const cache = cacheWith({ asked: "a", auth: { user: "oras-9", earlier } });
    const planned = plannedLogins(cache, { ...facts, isInUse: () => true });
    expect(planned).toEqual({ user: "oras-9", earlier });
    expect(rotationVerdict(cache, made)?.message).toContain("oras-1, oras-2");
    expect(plannedLogins(cache, { ...facts, isInUse: (user) => user !== "oras-4" })?.next).toBe("oras-10");
  });

  test("are believed from a status only as far as a keeper takes them", () => {
    const strange = [
      "",
      "ada",
      "oras-0",
      "oras-01",
      "oras-1\n",
      "oras-1 oras-2",
      "--key=x",
      "oras-9999999999",
    ];
    for (const user of strange) {
      const until = time(made + hour);
      expect(validUsers(cacheWith({ auth: { user } }))).toEqual(["oras-1"]);
      const auth = { user: "oras-2", next: user, earlier: [{ user, until }] };
      expect(validUsers(cacheWith({ auth }))).toEqual(["oras-2"]);
    }
    const auth = { user: "oras-2", earlier: [{ user: "oras-1", until: "some day" }] };
    expect(plannedLogins(cacheWith({ auth }), facts)).toEqual({ user: "oras-2" });
  });
});

describe("a rotation", () => {
  test("gives new Pods the next user, and leaves the one before valid for a day", () => {
    const auth = { user: "oras-1", next: "oras-2", request: "a" };
    const cache = cacheWith({ auth, asked: "a" });
    expect(validUsers(cache)).toEqual(["oras-1", "oras-2"]);
    expect(currentUser(cache)).toBe("oras-1");
    expect(rotationVerdict(cache, made)?.message).toContain("oras-2");
    const now = switched(cache, made);
    expect(now).toEqual({
      ...{ user: "oras-2", since: time(made), request: "a" },
      earlier: [{ user: "oras-1", until: time(made + 24 * hour) }],
    });
    const later = cacheWith({ auth: now, asked: "a" });
    expect(validUsers(later)).toEqual(["oras-1", "oras-2"]);
    expect(rotationVerdict(later, made)).toBeUndefined();
  });

  test("is told in Events, and so is the end of a login", () => {
    const earlier = [{ user: "oras-1", until: time(made) }];
    const rotated = { credentialsSecret: "x-credentials-0", auth: { user: "oras-2", earlier } };
    const [note, ...others] = loginNotes({}, rotated);
    expect(note).toMatchObject({ reason: "Rotated", note: expect.stringContaining("x-credentials-0") });
    expect([...others, ...loginNotes(rotated, rotated)]).toEqual([]);
    expect(loginNotes(rotated, { auth: { user: "oras-2" } })).toEqual([
      { reason: "LoginEnded", note: "Not valid any more: oras-1." },
    ]);
    expect(loginNotes({}, { auth: { user: "oras-1", next: "oras-2" } })).toEqual([]);
  });

  test("whatever happens, a login that was given is valid for a day and while Pods have it", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.constantFrom(undefined, "48h"), (steps, rotate) => {
        let state: State = { now: made, auth: undefined, replacedAt: new Map() };
        for (const one of steps) {
          const next = lived(state, one, rotate);
          const valid = new Set(next.valid);
          for (const user of validUsers(cacheWith({ auth: state.auth })).filter((each) => !valid.has(each))) {
            expect(next.now - (state.replacedAt.get(user) ?? next.now)).toBeGreaterThanOrEqual(24 * hour);
            expect(one.inUse).not.toContain(user);
          }
          expect(next.valid.length).toBeLessThanOrEqual(16);
          expect(next.valid).toContain(currentUser(cacheWith({ auth: next.auth })));
          state = next;
        }
      }),
    );
  });

  test("is waited for no longer than a timer of Node can, and never not at all", () => {
    const rotations = fc.constantFrom("48h", "9999h", "99999h", undefined);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), rotations, (steps, rotate) => {
        let state: State = { now: made, auth: undefined, replacedAt: new Map() };
        for (const one of steps) {
          state = lived(state, one, rotate);
          const wait = untilNextLogin(cacheWith({ auth: state.auth, rotate }), state.now) ?? 1;
          expect(wait).toBeGreaterThan(0);
          expect(wait).toBeLessThan(2 ** 31);
        }
      }),
    );
  });
});

/** What happens to a registry: time passes, it can be told or not, Pods have logins or not. */
const step = fc.record({
  hours: fc.integer({ min: 1, max: 60 }),
  asked: fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined }),
  isSettled: fc.boolean(),
  switches: fc.boolean(),
  inUse: fc.array(fc.integer({ min: 1, max: 20 }).map((n) => `oras-${n}`)),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface State {
  readonly now: number;
  readonly auth: Logins | undefined;
  readonly replacedAt: ReadonlyMap<string, number>;
}

function lived({ now: before, auth, replacedAt }: State, one: Step, rotate: string | undefined) {
  const now = before + one.hours * hour;
  const { asked, isSettled, switches, inUse } = one;
  const isInUse = (user: string) => inUse.includes(user);
  const planned = cacheWith({
    auth: plannedLogins(cacheWith({ auth, rotate, asked }), { now, isSettled, isInUse }),
  });
  const valid = validUsers(planned);
  if (!switches || planned.status?.auth?.next === undefined)
    return { now, valid, auth: planned.status?.auth, replacedAt };
  const replaced = new Map([...replacedAt, [currentUser(planned), now]]);
  return { now, valid, auth: switched(planned, now), replacedAt: replaced };
}
