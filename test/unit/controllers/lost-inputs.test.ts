import fc from "fast-check";
import { expect, test } from "vitest";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { withLoss } from "../../../src/controllers/lost-inputs.ts";
import type { EventNote } from "../../../src/kube/events.ts";
import { storedCache } from "../../support/cache.ts";

const missing: EventNote = {
  ...{ type: "Warning", reason: "InputNotFound", action: "Step" },
  note: "a/b:1: the registry has no repository a/b (exit code 181)",
};
const cacheWith = (type: string, message: string): StoredOrasCache => ({
  ...storedCache({}),
  status: {
    conditions: [
      { type, status: "True", reason: "PodReplaced", message, lastTransitionTime: "2026-01-02T03:04:05Z" },
    ],
  },
});

test("I14: a step that misses its input names what its OrasCache lost", () => {
  const lost = cacheWith("StorageLost", "The registry's Pod was replaced.");
  expect(withLoss(missing, lost).note).toBe(
    'a/b:1: the registry has no repository a/b (exit code 181). OrasCache "oras" has the condition StorageLost since 2026-01-02T03:04:05Z: The registry\'s Pod was replaced. Run the steps again whose artifacts are needed.',
  );
  expect(withLoss({ ...missing, reason: "InputNeverCame" }, lost).note).toContain("StorageLost");
});

test.each<[string, EventNote, StoredOrasCache | undefined]>([
  ["nothing was lost", missing, cacheWith("Open", "open")],
  ["its OrasCache is gone", missing, undefined],
  ["something else failed", { ...missing, reason: "PushFailed" }, cacheWith("StorageLost", "lost")],
])("nothing is added where %s", (_, note, cache) => {
  expect(withLoss(note, cache)).toBe(note);
});

test("no note is longer than the API server takes, and none leaves out why", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 1024 }), fc.string({ maxLength: 4000 }), (said, why) => {
      const { note } = withLoss({ ...missing, note: said }, cacheWith("StorageLost", why));
      expect(note.length).toBeLessThanOrEqual(1024);
      expect(note).toContain("StorageLost");
    }),
  );
});
