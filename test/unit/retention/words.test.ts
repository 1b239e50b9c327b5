import { describe, expect, it } from "vitest";
import type { Deletion, Plan } from "../../../src/retention/facts.ts";
import { doneWords, plannedWords } from "../../../src/retention/words.ts";

const deletion = (name: string, over: Partial<Deletion> = {}): Deletion => ({
  repository: "runs",
  digest: `sha256:${"a".repeat(64)}`,
  pushed: "",
  tags: [{ name, pushed: "" }],
  whole: true,
  rule: 1,
  reason: "old",
  ...over,
});
const { rule: _, ...untagged } = deletion("", { tags: [] });
const plan: Plan = {
  deletions: [deletion("a"), deletion("b", { rule: 2, whole: false }), untagged],
  kept: [
    { repository: "runs", digest: "x", tag: "c", reason: "keepLast" },
    { repository: "runs", digest: "y", tag: "d", reason: "named" },
    { repository: "runs", digest: "y", tag: "e", reason: "named" },
  ],
  bytes: { before: 5 * 2 ** 30, after: 2 ** 30 },
};

describe("what a dry run says", () => {
  it("names what would go, why, and how much room it would make", () => {
    expect(plannedWords(plan)).toBe(
      "spec.retention.dryRun is true: nothing is deleted. 2 tags and 2 manifests of 4.0 GiB would be (rule 1: 1, rule 2: 1, without a tag: 1): runs:a, runs:b, runs@sha256:aaaaaaaaaaaa. Kept: 2 needed by others, 1 among the last.",
    );
  });

  it("names twenty at most", () => {
    const deletions = Array.from({ length: 25 }, (_, i) => deletion(`t${i}`));
    expect(plannedWords({ ...plan, deletions })).toContain("runs:t19 and 5 more. Kept");
  });

  it("says that there is nothing", () => {
    const nothing = { deletions: [], kept: [], bytes: { before: 0, after: 0 } };
    expect(plannedWords(nothing)).toContain("0 tags and 0 manifests of 0 B would be. Nothing else is there.");
  });
});

describe("what a pass says", () => {
  it("tells what was deleted, freed and left", () => {
    const sweep = { began: "", freed: 1536 };
    const done = { plan, deleted: [deletion("a")], spared: 2, sweep, seconds: 3.4 };
    expect(doneWords(done)).toBe(
      "Deleted 1 tag and 1 manifest (rule 1: 1); freed 1.5 KiB in 3 s. 2 times something was left that was pushed again or is used by now. Kept: 2 needed by others, 1 among the last.",
    );
  });
});
