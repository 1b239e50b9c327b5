import { describe, expect, it } from "vitest";
import { type Asking, createHeads } from "../../../src/controllers/heads.ts";
import type { Head } from "../../../src/workflow/opening.ts";
import { type Artifact, idIn, idOf } from "../../../src/workflow/step.ts";

const artifact: Artifact = { registry: "cache oras", repository: "a/b", version: ":1" };
const old: Head = { digest: "sha256:old" };
const young: Head = { digest: "sha256:new" };

/** A registry that answers when it is let, at a time that is set. */
function world(more: Partial<Asking> = {}) {
  const clock = { ms: 100_000 };
  const asked: { readonly artifact: Artifact; readonly answer: (head: Head) => void }[] = [];
  const heads = createHeads(
    { ask: (_, artifact) => new Promise((answer) => asked.push({ artifact, answer })), ...more },
    (_, { registry }) => (registry.startsWith("cache ") ? undefined : registry),
    () => clock.ms,
  );
  /** Asks, and lets the registry answer at once if it is asked. */
  const look = async (head: Head, of: Artifact = artifact) => {
    const before = asked.length;
    const seen = heads.of("ns", of);
    const isAsked = asked.length > before;
    if (isAsked) asked.at(-1)?.answer(head);
    return { isAsked, head: await seen };
  };
  return { clock, asked, heads, look };
}

describe("what registries say", () => {
  it("is asked once, however many wait for it", async () => {
    const { asked, heads, look } = world();
    const seen = Array.from({ length: 100 }, () => heads.of("ns", artifact));
    expect(asked).toHaveLength(1);
    asked[0]?.answer(old);
    expect(await Promise.all(seen)).toEqual(seen.map(() => old));
    expect(await look(young)).toEqual({ isAsked: false, head: old });
  });

  it("is asked for each artifact, registry and namespace", () => {
    const { asked, heads } = world();
    void heads.of("ns", artifact);
    void heads.of("other", artifact);
    void heads.of("ns", { ...artifact, registry: "cache other" });
    void heads.of("ns", { ...artifact, version: ":2" });
    void heads.of("ns", { ...artifact, repository: "a/c" });
    expect(asked).toHaveLength(5);
  });

  it("is asked for each login of a remote registry, and once for all of a cache", async () => {
    const { asked, heads, look } = world();
    const by = (of: Artifact, secret: string, registry = "https://ghcr.io") => ({
      ...of,
      login: { secret, registries: [registry] },
    });
    const remote = { ...artifact, registry: "https://ghcr.io" };
    await look(old, remote);
    expect(await look(young, by(remote, "one"))).toEqual({ isAsked: true, head: young });
    expect(await look({ refused: "x" }, by(remote, "other"))).toMatchObject({ isAsked: true });
    expect(await look(old, by(remote, "one", "cache oras"))).toMatchObject({ isAsked: true });
    expect(await look(old, remote)).toEqual({ isAsked: false, head: old });
    expect(await look(old, by(remote, "one"))).toEqual({ isAsked: false, head: young });
    const before = asked.length;
    await look(old);
    expect(await look(young, by(artifact, "one"))).toEqual({ isAsked: false, head: old });
    expect(asked).toHaveLength(before + 1);
    // Whoever pushes it, nothing that is known of it counts.
    heads.outdated("ns", remote);
    for (const one of [remote, by(remote, "one"), by(remote, "other")])
      expect(await look(young, one)).toEqual({ isAsked: true, head: young });
    heads.outdatedWhere("ns", ({ registry }) => registry === remote.registry);
    for (const one of [remote, by(remote, "one")])
      expect(await look(old, one)).toMatchObject({ isAsked: true });
  });

  it("counts no more after something has happened", async () => {
    const { heads, look } = world();
    await look(old);
    heads.outdated("ns", artifact);
    expect(await look(young)).toEqual({ isAsked: true, head: young });
    expect(await look(old)).toEqual({ isAsked: false, head: young });
  });

  it("counts no more of all that a step with variables may have pushed", async () => {
    const { heads, look } = world();
    const other = { ...artifact, repository: "b/c" };
    await look(old);
    await look(old, other);
    heads.outdatedWhere("elsewhere", () => true);
    heads.outdatedWhere("ns", ({ repository }) => repository.startsWith("a/"));
    expect(await look(young)).toEqual({ isAsked: true, head: young });
    expect(await look(young, other)).toEqual({ isAsked: false, head: old });
  });

  it("is remembered of nothing that nobody asks for, or waits for any more", async () => {
    const { heads, look } = world();
    const remembered = () => {
      const ids: string[] = [];
      heads.outdatedWhere("ns", (one) => {
        ids.push(idOf(one));
        return false;
      });
      return ids;
    };
    // Each step makes something, and few wait.
    heads.outdated("ns", { ...artifact, repository: "made/by-a-step" });
    expect(remembered()).toEqual([]);
    await look(old);
    expect(remembered()).toEqual([idOf(artifact)]);
    heads.forget(idIn("other", artifact));
    expect(remembered()).toEqual([idOf(artifact)]);
    heads.forget(idIn("ns", artifact));
    expect(remembered()).toEqual([]);
    expect(await look(young)).toEqual({ isAsked: true, head: young });
  });

  it("is asked anew by whoever comes after something has happened while it was asked", async () => {
    const { asked, heads, look } = world();
    const before = heads.of("ns", artifact);
    heads.outdated("ns", artifact);
    const after = [heads.of("ns", artifact), heads.of("ns", artifact)];
    expect(asked).toHaveLength(2);
    asked[0]?.answer(old);
    expect(await before).toEqual(old);
    asked[1]?.answer(young);
    expect(await Promise.all(after)).toEqual([young, young]);
    expect(await look(old)).toEqual({ isAsked: false, head: young });
  });

  it("is the later answer, also where the earlier one comes last", async () => {
    const { asked, heads, look } = world();
    const before = heads.of("ns", artifact);
    heads.outdated("ns", artifact);
    const after = heads.of("ns", artifact);
    asked[1]?.answer(young);
    expect(await after).toEqual(young);
    asked[0]?.answer(old);
    expect(await before).toEqual(old);
    expect(await look(old)).toEqual({ isAsked: false, head: young });
  });

  it("counts no more where something has happened while it was asked, and nobody came meanwhile", async () => {
    const { asked, heads, look } = world();
    const before = heads.of("ns", artifact);
    heads.outdated("ns", artifact);
    asked[0]?.answer(old);
    await before;
    expect(await look(young)).toEqual({ isAsked: true, head: young });
  });

  it("is told to those who wait, where another one that came for it has found it", async () => {
    const { heads, look } = world();
    const told: string[] = [];
    heads.onFound((id) => told.push(id));
    await look({ missing: true });
    // Steps come, one after the other, before anybody asks.
    heads.outdated("ns", artifact, true);
    heads.outdated("ns", artifact, true);
    await look(young);
    expect(told).toEqual([idIn("ns", artifact)]);
    // Of a push they are told by who hears of it; nobody has waited for what was never asked for.
    heads.outdated("ns", artifact);
    await look(old);
    heads.outdated("ns", { ...artifact, version: ":2" }, true);
    await look(young, { ...artifact, version: ":2" });
    expect(told).toHaveLength(1);
  });

  const tags = (count: number, of = artifact) =>
    Array.from({ length: count }, (_, i) => ({ ...of, version: `:${i}` }));
  const missing: Head = { missing: true };

  /** When each question about some of them comes, in seconds, as steps of their own look where they are told to. */
  const questions = async (made: ReturnType<typeof world>, of: readonly Artifact[], seconds: number) => {
    const { clock, look, heads } = made;
    const begun = clock.ms;
    const due = new Map(of.map((one, i) => [one, clock.ms + (i % 7)]));
    const asked: { readonly at: number; readonly artifact: Artifact }[] = [];
    for (;;) {
      const [next = artifact, at = 0] = [...due].sort(([, a], [, b]) => a - b)[0] ?? [];
      if (at > begun + seconds * 1_000) return asked;
      clock.ms = at;
      if ((await look(missing, next)).isAsked) asked.push({ at: (at - begun) / 1_000, artifact: next });
      due.set(next, at + heads.againInMs("ns", next, idOf(next)));
    }
  };

  it("is asked for again after 1 s, then every 2 s, where few are polled", async () => {
    const made = world();
    const { clock, heads, look } = made;
    expect((await questions(made, [artifact], 10)).map(({ at }) => at)).toEqual([0, 1, 3, 5, 7, 9]);
    // News begin anew.
    clock.ms += 2_000;
    await look(old);
    expect(heads.againInMs("ns", artifact, "a")).toBe(1_000);
    clock.ms += 1_000;
    await look(old);
    expect(heads.againInMs("ns", artifact, "a")).toBe(2_000);
    heads.outdated("ns", artifact);
    await look(old);
    expect(heads.againInMs("ns", artifact, "a")).toBe(2_000);
  });

  it("is asked for once a second, of all that are polled, before the waits have grown", async () => {
    const asked = await questions(world(), tags(10), 100);
    const of = (one: Artifact) => asked.filter((each) => each.artifact.version === one.version);
    for (const one of tags(10)) expect(of(one).length).toBeGreaterThanOrEqual(10);
    expect(asked.filter(({ at }) => at > 30).length).toBeLessThanOrEqual(71);
  });

  it("is asked for after 5 s, then more seldom up to every 30 s, where many are polled", async () => {
    const made = world();
    const asked = await questions(made, tags(100), 40);
    const first = asked.filter((each) => each.artifact.version === ":0").map(({ at }) => Math.floor(at));
    expect(first.slice(0, 4)).toEqual([0, 5, 12, 23]);
    // When they are gone, the one that is left is few.
    for (const one of tags(100).slice(1)) made.heads.forget(idIn("ns", one));
    const [left = artifact] = tags(1);
    // Turns that were reserved for them pass.
    made.clock.ms += 200_000;
    expect(await questions(made, [left], 60).then((all) => all.length)).toBeGreaterThanOrEqual(28);
  });

  describe("of which several steps wait for the same", () => {
    it("is asked for again by one of them; the others hear of it when it is there", async () => {
      const { clock, heads, look } = world();
      const found: unknown[] = [];
      heads.onFound((id, uid) => found.push([id, uid]));
      await look(missing);
      const again = (uid: string) => heads.againInMs("ns", artifact, uid);
      expect(["a", "b", "c", "a"].map(again)).toEqual([1_000, 5_000, 5_000, 1_000]);
      clock.ms += 1_000;
      expect((await look(missing)).isAsked).toBe(true);
      expect(["a", "b"].map(again)).toEqual([2_000, 7_500]);
      clock.ms += 2_000;
      expect(found).toEqual([]);
      await look(young);
      expect(found).toEqual([[idIn("ns", artifact), "a"]]);
    });

    it("is asked for by another one when that one goes, or does not look", async () => {
      const { clock, heads, look } = world();
      await look(missing);
      const again = (uid: string) => heads.againInMs("ns", artifact, uid);
      const left = (uid: string) => heads.left(idIn("ns", artifact), uid);
      expect(["a", "b"].map(again)).toEqual([1_000, 5_000]);
      expect([left("b"), left("a"), left("a")]).toEqual([false, true, false]);
      expect(again("b")).toBe(1_000);
      clock.ms += 5_000;
      expect((await look(missing)).isAsked).toBe(true);
      expect(again("c")).toBe(2_000);
    });

    it("is told by whoever was told of the push, not once more", async () => {
      const { heads, look } = world();
      const found: unknown[] = [];
      heads.onFound((id) => found.push(id));
      await look(missing);
      heads.againInMs("ns", artifact, "a");
      heads.outdated("ns", artifact);
      await look(young);
      expect(found).toEqual([]);
    });
  });

  it("is not asked for sooner where it is there, and its step waits for something else", async () => {
    const { clock, heads, look } = world();
    const other = { ...artifact, version: ":other" };
    await look(old);
    await look(missing, other);
    heads.againInMs("ns", other, "a");
    clock.ms += 4_999;
    expect(await look(young)).toMatchObject({ isAsked: false });
    clock.ms += 1;
    expect(await look(young)).toMatchObject({ isAsked: true });
  });

  it("is polled of one cache no more often than 200 times at once and once a second then, each in its turn", async () => {
    const { clock, heads, look } = world();
    const many = tags(300);
    const elsewhere = { ...artifact, registry: "cache other" };
    for (const one of [...many, elsewhere]) expect(await look(old, one)).toMatchObject({ isAsked: true });
    const polled = async (of: readonly Artifact[] = many) => {
      let count = 0;
      for (const one of of) {
        const { isAsked, head } = await look(old, one);
        expect(head).toEqual(old);
        if (isAsked) count++;
      }
      return count;
    };
    clock.ms += 5_000;
    expect(await polled()).toBe(200);
    expect(await look(old, elsewhere)).toMatchObject({ isAsked: true });
    // Whoever looks before its turn, and how often, changes nothing.
    const waits = many.slice(200).map((one) => heads.againInMs("ns", one, "a"));
    expect(waits).toEqual(waits.map((_, i) => Math.max(1_000, (i + 1) * 1_000)));
    clock.ms += 2_000;
    expect(await polled(many.slice(200))).toBe(2);
    clock.ms += 98_000;
    expect(await polled(many.slice(202))).toBe(98);
    // What is known to have happened is asked for at once, also while it has a turn.
    const last = many.at(-1) ?? artifact;
    heads.outdated("ns", last);
    expect(await look(young, last)).toEqual({ isAsked: true, head: young });
  });

  describe("of a remote registry", () => {
    const remote = { ...artifact, registry: "https://ghcr.io" };

    it("is asked for up to every 60 s", async () => {
      const { clock, heads, look } = world();
      await look(old, remote);
      for (let i = 0; i < 8; i++) {
        clock.ms += heads.againInMs("ns", remote, "a");
        await look(old, remote);
      }
      expect(heads.againInMs("ns", remote, "a")).toBe(60_000);
    });

    it("is asked ten times at once and once a second, for a namespace, also for what is asked first or has changed", async () => {
      const { clock, heads, look } = world();
      const many = tags(12, remote);
      const asked = async () => {
        let count = 0;
        for (const one of many) if ((await look(old, one)).isAsked) count++;
        return count;
      };
      expect(await asked()).toBe(10);
      expect((await look(old, many[11])).head).toEqual({ unknown: expect.stringContaining("first") });
      expect(heads.againInMs("ns", many[11] ?? remote, "a")).toBe(2_000);
      clock.ms += 2_000;
      expect(await asked()).toBe(2);
      for (const one of many) heads.outdated("ns", one);
      expect(await asked()).toBe(0);
    });

    it("is asked twenty times at once and twice a second for all namespaces together", async () => {
      const { clock, heads, asked } = world();
      const look = () => {
        const before = asked.length;
        for (const one of tags(5, remote))
          for (let i = 0; i < 10; i++) void heads.of(`ns-${i}`, { ...one, repository: `r/${i}` });
        for (const { answer } of asked.slice(before)) answer(old);
        return asked.length - before;
      };
      expect(look()).toBe(20);
      clock.ms += 1_000;
      expect(look()).toBe(0);
      clock.ms += 4_000;
      expect(look()).toBe(10);
    });

    it("takes no turn to be left to its Pods", async () => {
      const refused = { refused: "no Role" };
      const { asked, heads } = world({
        refusalOf: (_, { login }) => Promise.resolve(login?.secret === "unread" ? refused : undefined),
      });
      const by = (secret: string) => ({ login: { secret, registries: [] } });
      const seen = await Promise.all(
        tags(100, remote).map((one) => heads.of("ns", { ...one, ...by("unread") })),
      );
      expect(seen).toEqual(seen.map(() => refused));
      expect(asked).toEqual([]);
      const others = tags(10, remote).map((one) => heads.of("ns", { ...one, ...by("read") }));
      await expect.poll(() => asked.length).toBe(10);
      for (const { answer } of asked) answer(old);
      expect(await Promise.all(others)).toEqual(others.map(() => old));
    });

    it("is not asked for anything for as long as it says", async () => {
      const { clock, heads, look } = world();
      await look({ unknown: "429", stopMs: 30_000 } as Head, remote);
      const other = { ...remote, repository: "c/d" };
      for (let i = 0; i < 5; i++) {
        expect(await look(old, other)).toMatchObject({ isAsked: false });
        clock.ms += 5_000;
      }
      clock.ms += 5_000;
      expect(await look(old, other)).toMatchObject({ isAsked: true });
      expect(heads.againInMs("ns", other, "a")).toBe(5_000);
    });
  });
});
