import { describe, expect, it } from "vitest";
import { type PassSettings, runPass } from "../../../src/controllers/retention-pass.ts";
import { sentenceOf } from "../../../src/kube/errors.ts";
import { selectionOf } from "../../../src/retention/uses.ts";

const pushed = "2026-01-01T00:00:00Z";
const manifestOf = (digit: string) => ({
  repository: "a",
  digest: `sha256:${digit.repeat(64)}`,
  pushed,
  tags: [{ name: digit, pushed }],
  blobs: [],
});

/** A registry with three manifests that all go. */
function pass(over: Partial<PassSettings> = {}): PassSettings {
  const none = selectionOf([]);
  let asked = 0;
  return {
    policy: {
      rules: [{ repositories: ["**"], keepYoungerThan: 1 }],
      keepInputs: true,
      untaggedAfter: 0,
      grace: 0,
    },
    keep: none,
    keeper: {
      withInventory: async (make) =>
        make({ manifests: ["1", "2", "3"].map(manifestOf), pullsSince: undefined, time: undefined }),
      isUnchanged: async () => true,
      putPlan: async () => {},
      sweep: async () => true,
      // Its Pod is another one when it has swept.
      lastPass: async () => (asked++ === 0 ? { began: "x", freed: 0 } : "none"),
    },
    now: Date.now,
    uses: async () => [],
    remove: async () => {},
    assertWanted: () => {},
    signal: new AbortController().signal,
    ...over,
  };
}

/** Throws at the n-th call, from 1. */
function failsAt(call: number) {
  let calls = 0;
  return () => {
    if (++calls === call) throw new Error("no more");
  };
}

function rejectsAt(call: number) {
  const fails = failsAt(call);
  return async () => fails();
}

describe("a pass that fails tells what it has deleted", () => {
  it.each<[string, Partial<PassSettings>, string]>([
    ["the first deletion", { remove: rejectsAt(1) }, "no more"],
    ["a deletion", { remove: rejectsAt(3) }, "after 2 tags and 2 manifests were deleted: no more"],
    [
      "a change of the OrasCache",
      { assertWanted: failsAt(2) },
      "after 1 tag and 1 manifest were deleted: no more",
    ],
    ["the sweep", {}, "after 3 tags and 3 manifests were deleted: the keeper was started again"],
  ])("%s", async (_, over, words) => {
    const error = await runPass(pass(over)).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(sentenceOf(error)).toMatch(new RegExp(`^${words}`));
  });
});
