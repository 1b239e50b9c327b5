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

  it("is asked again after 5 s, then more seldom up to every 30 s, and from 5 s again after news", async () => {
    const { clock, heads, look } = world();
    await look(old);
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const wait = heads.againInMs("ns", artifact);
      clock.ms += wait - 1;
      expect(await look(old)).toEqual({ isAsked: false, head: old });
      clock.ms += 1;
      expect(await look(old)).toEqual({ isAsked: true, head: old });
      waits.push(wait);
    }
    expect(waits).toEqual([5_000, 7_500, 11_250, 16_875, 25_312.5, 30_000, 30_000, 30_000]);
    clock.ms += 30_000;
    await look(young);
    expect(heads.againInMs("ns", artifact)).toBe(5_000);
    clock.ms += 5_000;
    await look(young);
    heads.outdated("ns", artifact);
    await look(young);
    expect(heads.againInMs("ns", artifact)).toBe(7_500);
  });

  const tags = (count: number, of = artifact) =>
    Array.from({ length: count }, (_, i) => ({ ...of, version: `:${i}` }));

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
    const waits = many.slice(200).map((one) => heads.againInMs("ns", one));
    expect(waits).toEqual(waits.map((_, i) => Math.max(1_000, (i + 1) * 1_000)));
    clock.ms += 2_000;
    expect(await polled(many.slice(200))).toBe(2);
    clock.ms += 98_000;
    expect(await polled(many.slice(202))).toBe(98);
    // What is known to have happened is asked for at once.
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
        clock.ms += heads.againInMs("ns", remote);
        await look(old, remote);
      }
      expect(heads.againInMs("ns", remote)).toBe(60_000);
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
      expect(heads.againInMs("ns", many[11] ?? remote)).toBe(2_000);
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
      expect(heads.againInMs("ns", other)).toBe(5_000);
    });
  });
});
