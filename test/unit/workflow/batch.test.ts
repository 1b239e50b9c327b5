import { describe, expect, it } from "vitest";
import { decideBatch } from "../../../src/workflow/batch.ts";
import { readRecord, writeRecord } from "../../../src/workflow/record.ts";

const batch = { name: "x", count: 3 };

describe("a batch", () => {
  it("is none, or lacks steps, or is there", () => {
    expect(decideBatch(undefined, 0, new Map())).toEqual({ missing: undefined, records: [] });
    expect(decideBatch(batch, 1, new Map())).toEqual({ missing: 2, records: [] });
    for (const size of [3, 4]) expect(decideBatch(batch, size, new Map())).toMatchObject({ missing: 0 });
  });

  it("stays there when steps of it have ended and are gone, also for another leader", () => {
    const { records } = decideBatch(batch, 3, new Map());
    const before = readRecord(writeRecord(records));
    expect(decideBatch(batch, 1, before)).toEqual({ missing: 0, records });
    expect(decideBatch({ ...batch, count: 4 }, 1, before)).toMatchObject({ missing: 3 });
    expect(decideBatch({ ...batch, name: "y" }, 1, before)).toMatchObject({ missing: 2 });
  });
});
