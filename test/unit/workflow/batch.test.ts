import { describe, expect, it } from "vitest";
import { decideBatch, goneIn } from "../../../src/workflow/batch.ts";
import { readRecord, writeRecord } from "../../../src/workflow/record.ts";
import { waitingSentence } from "../../../src/workflow/told.ts";

const batch = { name: "x", count: 3 };
const none = new Map();

/** So many that are there, and those that ended and were removed. */
const members = (size: number, gone: readonly string[] = []) => ({
  there: new Set(Array.from({ length: size }, (_, i) => `Job ${i}`)),
  gone,
});

describe("a batch", () => {
  it("is none, or lacks steps, or is there", () => {
    expect(decideBatch(undefined, members(0), none)).toEqual({ missing: undefined, records: [] });
    expect(decideBatch(batch, members(1), none)).toEqual({ missing: 2, records: [] });
    for (const size of [3, 4]) expect(decideBatch(batch, members(size), none)).toMatchObject({ missing: 0 });
  });

  it("stays there when steps of it have ended and are gone, also for another leader", () => {
    const { records } = decideBatch(batch, members(3), none);
    const before = readRecord(writeRecord(records));
    expect(decideBatch(batch, members(1), before)).toEqual({ missing: 0, records });
    expect(decideBatch({ ...batch, count: 4 }, members(1), before)).toMatchObject({ missing: 3 });
    expect(decideBatch({ ...batch, name: "y" }, members(1), before)).toMatchObject({ missing: 2 });
  });

  it("tells where the next leader knows of fewer that were removed than the one before, of very many", () => {
    const large = { name: "x", count: 1_000 };
    const names = Array.from({ length: 150 }, (_, i) => `Job gone ${i}`);
    const { records, ...known } = decideBatch(large, members(10, names), none);
    expect(known).toEqual({ missing: 840 });
    const before = readRecord(writeRecord(records));
    const left = goneIn(large, before);
    expect(left).toEqual(names.slice(50));
    const next = decideBatch(large, members(10, left), before);
    expect(next).toMatchObject({ missing: 890, isLost: true });
    const verdicts = [{ kind: "there", pin: "x" } as never];
    expect(waitingSentence(["a"], verdicts, next)).toMatch(/not known any more which: another replica/);
    expect(waitingSentence(["a"], verdicts, known)).not.toContain("known");
    // The one after it tells so, too; who has seen all of them does not, also where one was created again.
    const again = readRecord(writeRecord(next.records));
    expect(decideBatch(large, members(10, left), again)).toMatchObject({ isLost: true });
    expect(decideBatch(large, members(10, [...names.slice(1), "Job 0"]), before)).not.toHaveProperty(
      "isLost",
    );
  });

  it("counts those that ended and were removed before the last one came, once, and remembers them", () => {
    const { missing, records } = decideBatch(batch, members(1, ["Job a"]), none);
    expect(missing).toBe(1);
    const before = readRecord(writeRecord(records));
    expect(goneIn(batch, before)).toEqual(["Job a"]);
    expect(goneIn({ ...batch, count: 4 }, before)).toEqual([]);
    expect(decideBatch(batch, members(2, ["Job a"]), before)).toMatchObject({ missing: 0 });
    expect(decideBatch(batch, members(2, ["Job 0"]), before)).toMatchObject({ missing: 1 });
  });
});
