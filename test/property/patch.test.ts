import fc from "fast-check";
import { applyPatch } from "rfc6902";
import { describe, expect, it } from "vitest";
import { patchBetween } from "../../src/injection/patch.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

// Without "constructor": the library that applies patches here does not find it. It is among the examples.
const key = fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom("a/b", "~", "~1", "", "0"));
const { json } = fc.letrec<{ json: Json; map: { [key: string]: Json } }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, 0, 1, "", "x"),
    fc.array(tie("json"), { maxLength: 3 }),
    tie("map"),
  ),
  map: fc.dictionary(key, tie("json"), { maxKeys: 4 }),
}));

/** Another value that shares parts with this one, whose lists have grown at their end, as injection makes them. */
function changedFrom(value: Json): fc.Arbitrary<Json> {
  if (Array.isArray(value)) {
    const items = fc.tuple(...value.map(orChanged));
    return fc.tuple(items, fc.array(json, { maxLength: 2 })).map(([kept, added]) => [...kept, ...added]);
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([k, v]) =>
      fc.option(orChanged(v).map((to) => [k, to] as const)),
    );
    return fc
      .tuple(fc.tuple(...entries), fc.dictionary(key, json, { maxKeys: 2 }))
      .map(([kept, added]) => ({ ...added, ...Object.fromEntries(kept.filter((entry) => entry !== null)) }));
  }
  return json;
}

function orChanged(value: Json): fc.Arbitrary<Json> {
  return fc.oneof(fc.constant(value), changedFrom(value));
}

const change = json.chain((before) => changedFrom(before).map((after) => ({ before, after })));

describe("the patch between two objects", () => {
  it("leads from one to the other, whatever its keys are called", () => {
    fc.assert(
      fc.property(change, ({ before, after }) => {
        const document = { root: structuredClone(before) };
        const failed = applyPatch(document, patchBetween({ root: before }, { root: after }));
        expect(failed.filter(Boolean)).toEqual([]);
        expect(document.root).toEqual(after);
      }),
    );
  });

  it("is empty where nothing changed, shared or not", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(patchBetween(value, value)).toEqual([]);
        expect(patchBetween(value, structuredClone(value))).toEqual([]);
      }),
    );
  });

  it.each([
    [
      "an added item goes to the end",
      { a: [1] },
      { a: [1, { b: 2 }] },
      [{ op: "add", path: "/a/-", value: { b: 2 } }],
    ],
    [
      "words are replaced as a whole",
      { a: ["x"] },
      { a: ["x", "y"] },
      [{ op: "replace", path: "/a", value: ["x", "y"] }],
    ],
    [
      "undefined is absent",
      { a: undefined, b: 1 },
      { b: undefined, c: undefined },
      [{ op: "remove", path: "/b" }],
    ],
    ["null is a value", { a: null }, { a: {} }, [{ op: "replace", path: "/a", value: {} }]],
    ["keys are escaped", {}, { "a/b~c": 1 }, [{ op: "add", path: "/a~1b~0c", value: 1 }]],
    [
      "keys of Object.prototype are keys like others",
      {},
      JSON.parse('{"__proto__": 1, "constructor": 2}') as object,
      [
        { op: "add", path: "/__proto__", value: 1 },
        { op: "add", path: "/constructor", value: 2 },
      ],
    ],
    ["what lies deep", { a: [{ b: 1 }] }, { a: [{ b: 2 }] }, [{ op: "replace", path: "/a/0/b", value: 2 }]],
  ])("%s", (_, before, after, patch) => {
    expect(patchBetween(before, after)).toEqual(patch);
  });
});
