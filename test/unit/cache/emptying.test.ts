import { describe, expect, test } from "vitest";
import { emptyByHand, emptyingOf, isEmptied, keepByHand, type Leaving } from "../../../src/cache/emptying.ts";
import { storedCache } from "../../support/cache.ts";

const leaving: Leaving = {
  ...{ isHeld: true, isDeleted: true, isWanted: true, isNeeded: false, isUnsaved: false },
  ...{ namespaceGoes: false, hasNoPods: false, isEmpty: false },
};
const s3 = {
  ...{ endpoint: "https://s3.example", bucket: "artifacts", region: "us-east-1", secretRef: { name: "s3" } },
  ...{ forcePathStyle: true, redirect: false, onDelete: "Delete" as const },
};

describe("a folder that goes with its cache", () => {
  test.each<[string, Partial<Leaving>, ReturnType<typeof emptyingOf>]>([
    ["is held before", { isDeleted: false, isHeld: false }, "hold"],
    ["is held once", { isDeleted: false }, "nothing"],
    ["is let go where it is not wanted any more", { isDeleted: false, isWanted: false }, "let go"],
    ["is nobody's where it is not wanted", { isDeleted: false, isWanted: false, isHeld: false }, "nothing"],
    ["is emptied", {}, "empty"],
    ["is let go when it is empty", { isEmpty: true }, "let go"],
    ["is let go in the middle where it is not wanted any more", { isWanted: false }, "let go"],
    ["waits for an export", { isNeeded: true }, "wait"],
    ["waits for an export that is not done", { isNeeded: true, isUnsaved: true }, "wait"],
    ["is kept where an export was asked for that nobody began", { isUnsaved: true }, "keep"],
    ["is none of the operator's without the finalizer", { isHeld: false }, "nothing"],
    ["is kept where the namespace goes", { namespaceGoes: true }, "keep"],
    ["is kept where the namespace goes, whoever else waits", { namespaceGoes: true, isNeeded: true }, "keep"],
    ["is kept where no Pod can do it", { hasNoPods: true }, "keep"],
  ])("%s", (_, seen, act) => {
    expect(emptyingOf({ ...leaving, ...seen })).toBe(act);
  });

  test("never holds a namespace", () => {
    const both = [true, false];
    for (const isHeld of both)
      for (const isWanted of both)
        for (const isNeeded of both)
          for (const hasNoPods of both) {
            const seen = { ...leaving, isHeld, isWanted, isNeeded, hasNoPods, namespaceGoes: true };
            expect(["nothing", "let go", "keep"]).toContain(emptyingOf(seen));
          }
  });

  test("is that of a spec with onDelete: Delete alone", () => {
    expect(isEmptied(storedCache({ storage: { s3 } }))).toBe(true);
    expect(isEmptied(storedCache({ storage: { s3: { ...s3, onDelete: "Retain" } } }))).toBe(false);
    expect(isEmptied(storedCache({}))).toBe(false);
  });

  test("is deleted, or kept, by hand with these commands", () => {
    const cache = storedCache({ storage: { s3 } });
    expect(emptyByHand(cache)).toBe(
      "aws s3 rm --recursive --endpoint-url https://s3.example s3://artifacts/work/oras/",
    );
    expect(keepByHand(cache)).toBe(
      `kubectl patch orascache oras -n work --type merge -p '{"spec":{"storage":{"s3":{"onDelete":"Retain"}}}}'`,
    );
  });
});
