import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type InputRecord, readRecord, writeRecord } from "../../../src/workflow/record.ts";

const states = ["live", "pushed", "earlier", "failed"] as const;
const records = fc.uniqueArray(
  fc.record(
    {
      input: fc.string(),
      found: fc.constantFrom("none", "sha256:x"),
      producers: fc.dictionary(fc.uuid(), fc.constantFrom(...states)),
      last: fc.string(),
    },
    { requiredKeys: ["input", "producers"] },
  ),
  { selector: ({ input }) => input, maxLength: 5 },
);

describe("what a step that waits remembers", () => {
  it("is read as it was written, and written again as it was read", () => {
    fc.assert(
      fc.property(records, (written: readonly InputRecord[]) => {
        const text = writeRecord(written);
        const read = [...readRecord(text).values()];
        expect(read).toEqual(written);
        expect(read.map(({ producers }) => Object.keys(producers))).toEqual(
          written.map(({ producers }) => Object.keys(producers)),
        );
        expect(writeRecord(read)).toBe(text);
      }),
    );
  });

  it.each([
    undefined,
    "",
    "x",
    "{}",
    "null",
    "[null]",
    "[[]]",
    '[{"input":"a"}]',
    '[{"producers":{}}]',
    '[{"input":1,"producers":{}}]',
    '[{"input":"a","found":null,"producers":{}}]',
    '[{"input":"a","producers":{"u":1}}]',
    '[{"input":"a","producers":{},"last":1}]',
    '[{"input":"a","producers":{"u":"constructor"}}]',
    '[{"input":"a","producers":{"u":"live"}},{"input":"b","producers":{"u":"lively"}}]',
    '[{"input":"a","producers":["live"]}]',
  ])("is nothing where %s is written", (text) => {
    expect(readRecord(text)).toEqual(new Map());
  });

  it("is a map whatever is written", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => readRecord(text) instanceof Map));
  });
});
