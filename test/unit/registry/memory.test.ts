import fc from "fast-check";
import { expect, it } from "vitest";
import { createMemory } from "../../../src/registry/memory.ts";

const memoryOf = (mostBytes = 40) => createMemory<{ bytes: number }>(mostBytes, 4, ({ bytes }) => bytes);
const one = { bytes: 4 };

it("what one brings in, all may read", () => {
  const memory = memoryOf();
  memory.set("k", one, "a");
  expect(memory.get("k")).toBe(one);
});

it("one owner pushes out its own oldest answers, and nobody else's", () => {
  const memory = memoryOf();
  memory.set("v", one, "victim");
  for (let i = 0; i < 1000; i++) memory.set(String(i), one, "greedy");
  expect(memory.get("v")).toBe(one);
  expect(memory.get("999")).toBe(one);
  expect(memory.get("0")).toBeUndefined();
});

it("an answer of more than a part is not kept, and one that is brought in again counts once", () => {
  const memory = memoryOf();
  memory.set("k", one, "a");
  memory.set("l", { bytes: 20 }, "a");
  expect(memory.get("l")).toBeUndefined();
  for (let i = 0; i < 10; i++) memory.set("k", { bytes: 1 }, "a");
  memory.set("m", { bytes: 1 }, "a");
  expect([memory.get("k"), memory.get("m")]).toEqual([{ bytes: 1 }, { bytes: 1 }]);
});

it("whatever is brought in, no part and no whole is passed", () => {
  const entry = fc.record({
    key: fc.constantFrom(..."abcdefghijklmnop"),
    owner: fc.constantFrom("1", "2", "3", "4", "5", "6"),
    bytes: fc.nat(12),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 200 }), (entries) => {
      const memory = memoryOf();
      const owners = new Map<string, string>();
      for (const { key, owner, bytes } of entries) {
        memory.set(key, { bytes }, owner);
        owners.set(key, owner);
        const held = [...owners].map(([k, by]) => [by, memory.get(k)?.bytes] as const);
        const total = (of: typeof held) =>
          of.reduce((sum, [, size]) => sum + (size === undefined ? 0 : size + 1), 0);
        expect(total(held)).toBeLessThanOrEqual(40);
        expect(total(held.filter(([by]) => by === owner))).toBeLessThanOrEqual(10);
      }
    }),
  );
});
