import { describe, expect, it } from "vitest";
import { createHeads } from "../../../src/controllers/heads.ts";
import type { Head } from "../../../src/workflow/opening.ts";
import type { Artifact } from "../../../src/workflow/step.ts";

const artifact: Artifact = { registry: "cache oras", repository: "a/b", version: ":1" };
const old: Head = { digest: "sha256:old" };
const young: Head = { digest: "sha256:new" };

/** A registry that answers when it is let, at a time that is set. */
function world() {
  const clock = { ms: 100_000 };
  const asked: { readonly artifact: Artifact; readonly answer: (head: Head) => void }[] = [];
  const heads = createHeads(
    (_, artifact) => new Promise((answer) => asked.push({ artifact, answer })),
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

  it("is polled of one registry no more often than 200 times at once and twice a second then", async () => {
    const { clock, heads, look } = world();
    const many = Array.from({ length: 300 }, (_, i) => ({ ...artifact, version: `:${i}` }));
    const elsewhere = { ...artifact, registry: "cache other" };
    for (const one of [...many, elsewhere]) expect(await look(old, one)).toMatchObject({ isAsked: true });
    const polled = async () => {
      let count = 0;
      for (const one of many) {
        const { isAsked, head } = await look(old, one);
        expect(head).toEqual(old);
        if (isAsked) count++;
      }
      return count;
    };
    clock.ms += 5_000;
    expect(await polled()).toBe(200);
    expect(await look(old, elsewhere)).toMatchObject({ isAsked: true });
    clock.ms += 2_000;
    expect(await polled()).toBe(4);
    // What is known to have happened is asked for at once.
    const last = many.at(-1) ?? artifact;
    heads.outdated("ns", last);
    expect(await look(young, last)).toEqual({ isAsked: true, head: young });
    // Whom the budget has left out comes again soon.
    expect(heads.againInMs("ns", many.at(-2) ?? artifact)).toBe(1_000);
  });
});
