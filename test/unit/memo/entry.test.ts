import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { memoKey } from "../../../src/cache/access.ts";
import { canonical, sha256 } from "../../../src/lineage/canonical.ts";
import { latestTag, type MemoScope, openedEntry, sealed } from "../../../src/memo/entry.ts";
import type { MemoEntry } from "../../../src/memo/memos.ts";
import { shortKey } from "../../../src/memo/short-key.ts";
import { type MemoState, withoutAny, withoutKeys } from "../../../src/memo/state.ts";

const hex = fc.stringMatching(/^[a-f0-9]{64}$/);
const text = fc.string({ unit: "grapheme" });
const entryOf = fc
  .record({
    parts: fc.jsonValue().map(canonical),
    output: fc.record({
      repository: text,
      digest: hex.map((one) => `sha256:${one}`),
      mediaType: text,
      size: fc.nat(),
    }),
    by: fc.record(
      { kind: text, name: text, uid: fc.uuid(), pod: text },
      { requiredKeys: ["kind", "name", "uid"] },
    ),
    at: fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    before: fc.option(hex, { nil: undefined }),
  })
  .map((entry): MemoEntry => {
    const { before, ...rest } = entry;
    return { key: sha256(entry.parts), ...rest, ...(before && { before }) };
  });
const stateOf: fc.Arbitrary<MemoState | undefined> = fc.option(
  fc.record({
    epoch: fc.integer({ min: 10, max: 99 }),
    forgotten: fc.array(
      fc.record({
        epoch: fc.integer({ min: 1, max: 9 }),
        keys: fc.array(hex.map(shortKey), { minLength: 1, maxLength: 5 }).map((keys) => keys.join(" ")),
      }),
    ),
  }),
  { nil: undefined },
);
const scopeOf: fc.Arbitrary<MemoScope> = fc.record({
  ...{ namespace: text, name: text, uid: fc.uuid() },
  ...{ secret: text, state: stateOf },
});

/** Opens what is there, with the parts that the registry has beside it. */
function open(bytes: string, entry: MemoEntry, scope: MemoScope, key: string | undefined = entry.key) {
  const parts = (wanted: string) => Promise.resolve(wanted === entry.key ? entry.parts : undefined);
  return openedEntry(key, Buffer.from(bytes), parts, scope);
}

/** Each place of a value that holds a text, a number or a list's item. */
function leavesOf(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([name, member]) => leavesOf(member, [...path, name]));
}

function withLeaf(value: unknown, [first, ...rest]: readonly (string | number)[], leaf: unknown): unknown {
  if (first === undefined) return leaf;
  const members = value as Record<string | number, unknown>;
  const changed = { ...members, [first]: withLeaf(members[first], rest, leaf) };
  return Array.isArray(value) ? Object.values(changed) : changed;
}

const other = (leaf: unknown) => (typeof leaf === "number" ? leaf + 1 : `${leaf}x`);

describe("an entry", () => {
  test("is what was written, and the same bytes each time", async () => {
    await fc.assert(
      fc.asyncProperty(entryOf, scopeOf, async (entry, scope) => {
        const { bytes } = sealed(entry, scope);
        expect(await open(bytes, entry, scope)).toEqual(entry);
        expect(sealed(entry, scope).bytes).toBe(bytes);
      }),
    );
  });

  test("with one field changed, of the manifest or of what it says, is none", async () => {
    await fc.assert(
      fc.asyncProperty(entryOf, scopeOf, fc.nat(), fc.nat(), async (entry, scope, at, inside) => {
        const manifest = JSON.parse(sealed(entry, scope).bytes) as { annotations: Record<string, string> };
        const said: unknown = JSON.parse(manifest.annotations[names.memoAnnotation] ?? "");
        const leaves = leavesOf(manifest);
        const leaf = leaves[at % leaves.length] ?? [];
        const [place, ...rest] = [leaf, ...leavesOf(said)];
        const changed = withLeaf(manifest, place, other(valueAt(manifest, place)));
        const path = rest[inside % rest.length] ?? [];
        const saying = withLeaf(said, path, other(valueAt(said, path)));
        const annotations = { ...manifest.annotations, [names.memoAnnotation]: canonical(saying) };
        for (const forged of [changed, { ...manifest, annotations }])
          expect(await open(canonical(forged), entry, scope)).toHaveProperty("because");
      }),
      { numRuns: 1_000 },
    );
  });

  test("with one byte changed, added or taken away is none", async () => {
    await fc.assert(
      fc.asyncProperty(
        entryOf,
        scopeOf,
        fc.nat(),
        fc.constantFrom("", " ", "0", "\n"),
        async (entry, scope, at, by) => {
          const { bytes } = sealed(entry, scope);
          const place = at % (bytes.length + 1);
          for (const kept of [place, place + 1]) {
            const forged = bytes.slice(0, place) + by + bytes.slice(kept);
            if (forged !== bytes) expect(await open(forged, entry, scope)).toHaveProperty("because");
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test.each(["namespace", "name", "uid", "secret"] as const)(
    "of a cache with another %s is none",
    async (field) => {
      await fc.assert(
        fc.asyncProperty(entryOf, scopeOf, async (entry, scope) => {
          const { bytes } = sealed(entry, { ...scope, [field]: `${scope[field]}x` });
          expect(await open(bytes, entry, scope)).toHaveProperty("because");
        }),
      );
    },
  );

  test("does not count once its key is forgotten, or everything, however often; one that is written then does", async () => {
    const steps = fc.array(fc.constantFrom("key", "all", "another"), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(entryOf, scopeOf, steps, hex, async (entry, scope, forgets, another) => {
        const old = sealed(entry, scope).bytes;
        let { state } = scope;
        for (const how of forgets)
          state =
            how === "all" ? withoutAny(state) : withoutKeys(state, [how === "key" ? entry.key : another]);
        const now = { ...scope, state };
        const isForgotten = forgets.some((how) => how !== "another");
        expect("because" in (await open(old, entry, now))).toBe(isForgotten);
        expect(await open(sealed(entry, now).bytes, entry, now)).toEqual(entry);
      }),
    );
  });

  test("of another key is none, and counts where any will do", async () => {
    await fc.assert(
      fc.asyncProperty(entryOf, scopeOf, hex, async (entry, scope, key) => {
        const { bytes } = sealed(entry, scope);
        expect(await open(bytes, entry, scope, key)).toHaveProperty("because");
        const parts = () => Promise.resolve(entry.parts);
        expect(await openedEntry(undefined, Buffer.from(bytes), parts, scope)).toEqual(entry);
      }),
    );
  });

  test("whose parts are gone, or others, is none", async () => {
    await fc.assert(
      fc.asyncProperty(entryOf, scopeOf, fc.option(text), async (entry, scope, found) => {
        fc.pre(found !== entry.parts);
        const { bytes } = sealed(entry, scope);
        const parts = () => Promise.resolve(found ?? undefined);
        expect(await openedEntry(entry.key, Buffer.from(bytes), parts, scope)).toHaveProperty("because");
      }),
    );
  });

  test("is no text, whatever it is, that the operator has not written, and the answer has nothing of it", async () => {
    const value = fc.oneof(fc.json(), text, fc.constantFrom("null", "[]", "1", '{"annotations":null}'));
    await fc.assert(
      fc.asyncProperty(value, entryOf, scopeOf, async (bytes, entry, scope) => {
        expect(await open(bytes, entry, scope)).toEqual({
          because: "its entry was not written by the operator for this OrasCache as it is",
        });
      }),
    );
  });
});

test("the key that entries are signed with is that of one cache, and not what Pods of its namespace can have", () => {
  const keys = [
    memoKey("operator", { namespace: "a", name: "b" }),
    memoKey("operator", { namespace: "a", name: "c" }),
    memoKey("operator", { namespace: "b", name: "b" }),
    memoKey("another", { namespace: "a", name: "b" }),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

test("each output has a tag of its own that a registry takes", () => {
  expect(latestTag({ repository: "a/b", tag: "c" })).toMatch(/^[\w.-]{1,128}$/);
  expect(latestTag({ repository: "a/b", tag: "c" })).not.toBe(latestTag({ repository: "a", tag: "b" }));
});

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce((found, name) => (found as Record<string | number, unknown>)[name], value);
}
