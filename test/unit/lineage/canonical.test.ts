import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical } from "../../../src/lineage/canonical.ts";

describe("canonical JSON", () => {
  it("does not depend on the order of names", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.infiniteStream(fc.nat()), (value, draws) => {
        expect(canonical(shuffled(value, draws))).toBe(canonical(value));
      }),
      { numRuns: 1_000 },
    );
  });

  it("tells different values apart, but for members that are null or empty lists", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonical(value))).toEqual(withoutNothing(value));
      }),
      { numRuns: 1_000 },
    );
  });
});

function shuffled(value: unknown, draws: fc.Stream<number>): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, draws));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(
    ([name, member]) => [draws.next().value as number, name, shuffled(member, draws)] as const,
  );
  return Object.fromEntries(members.sort(([a], [b]) => a - b).map(([, name, member]) => [name, member]));
}

function withoutNothing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNothing);
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? 0 : value;
  const members = Object.entries(value).filter(
    ([, member]) => member !== null && !(Array.isArray(member) && member.length === 0),
  );
  return Object.fromEntries(members.map(([name, member]) => [name, withoutNothing(member)]));
}
