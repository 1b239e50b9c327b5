import type { V1Job } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { indexesIn, indexText } from "../../../src/common/indexes.ts";
import { takenIndexes, tookIndexes, whyAsWhole } from "../../../src/memo/part.ts";

const sets = fc.uniqueArray(fc.nat({ max: 999 }), { maxLength: 300 });

describe("indexes in one text", () => {
  it.each([
    [[], ""],
    [[3], "3"],
    [[1, 0], "0,1"],
    [[0, 1, 2], "0-2"],
    [[4, 0, 3, 2], "0,2-4"],
    [[0, 2, 3, 5, 6, 7], "0,2,3,5-7"],
  ])("%j are %s, as the Job controller writes them", (indexes, text) => {
    expect(indexText(indexes)).toBe(text);
  });

  it("are read as they were written", () => {
    fc.assert(
      fc.property(sets, (indexes) => {
        expect([...indexesIn(indexText(indexes), 1_000)]).toEqual(indexes.toSorted((a, b) => a - b));
      }),
    );
  });

  it("are in order, and no row of three is spelled out", () => {
    fc.assert(
      fc.property(sets, (indexes) => {
        const ends = indexText(indexes).split(/[,-]/).filter(Boolean).map(Number);
        expect(ends).toEqual(ends.toSorted((a, b) => a - b));
        const rows = indexText(indexes).split(",");
        const singles = new Set(rows.filter((row) => !row.includes("-")).map(Number));
        expect([...singles].filter((n) => singles.has(n - 1) && singles.has(n + 1))).toEqual([]);
      }),
    );
  });

  it("of any text are those of the Job", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^[0-9,-]{0,20}$/)),
        fc.nat({ max: 50 }),
        (text, count) => {
          for (const index of indexesIn(text, count)) expect(index).toBeLessThan(count);
        },
      ),
    );
  });
});

const job = (spec: object, more: object = {}): V1Job => ({
  ...more,
  spec: { completionMode: "Indexed", completions: 6, template: { spec: { containers: [] } }, ...spec },
});

describe("a Job that takes the results of some of its indexes", () => {
  it.each([
    ["retries of each index", { backoffLimitPerIndex: 1, maxFailedIndexes: 2 }],
    [
      "a podFailurePolicy",
      { podFailurePolicy: { rules: [{ action: "FailJob", onExitCodes: { operator: "In", values: [1] } }] } },
    ],
    ["as many Pods at a time as it has indexes", { parallelism: 6 }],
    // Kueue counts the Pods that are left of it.
    ["a queue of Kueue", {}, { metadata: { labels: { [names.kueueQueueLabel]: "q" } } }],
  ])("may have %s", (_, spec, more?: object) => {
    expect(whyAsWhole(job(spec, more))).toBeUndefined();
  });

  it.each(["job-min-parallelism", "job-completions-equal-parallelism", "elastic-job"])(
    "has not a size that Kueue sets by %s",
    (name) => {
      const metadata = { annotations: { [`kueue.x-k8s.io/${name}`]: "1" } };
      expect(whyAsWhole(job({}, { metadata }))).toContain(name);
    },
  );

  it.each([
    ...[
      "scheduling.x-k8s.io/pod-group",
      "scheduling.k8s.io/group-name",
      "yunikorn.apache.org/task-group-name",
    ],
    ...["kueue.x-k8s.io/podset-required-topology", "kueue.x-k8s.io/podset-preferred-topology"],
  ])("has not Pods that start together by %s", (name) => {
    expect(whyAsWhole(job({ template: { metadata: { annotations: { [name]: "x" } } } }))).toContain(name);
  });

  it.each([
    ["no indexes", job({ completionMode: "NonIndexed" })],
    ["one index", job({ completions: 1 })],
    ["a successPolicy", job({ successPolicy: { rules: [{ succeededCount: 1 }] } })],
    ["Pods that know each other's names", job({ template: { spec: { subdomain: "x" } } })],
    ["Pods that start together", job({ template: { spec: { workloadRef: { name: "x" } } } })],
    ["a start", job({}, { status: { startTime: new Date(0) } })],
    ["indexes that have run", job({}, { status: { succeeded: 1, completedIndexes: "3" } })],
    ["Pods that failed", job({}, { status: { failed: 1 } })],
  ])("has not %s", (_, whole) => {
    expect(whyAsWhole(whole)).toMatch(/\w/);
  });
});

describe("the indexes that have taken their results", () => {
  const waiting = (value: string, more: object) => ({
    metadata: { labels: { [names.waitingLabel]: value }, annotations: more },
    status: { succeeded: 2, completedIndexes: "0,3" },
  });
  const from = { [names.memoizedFromAnnotation]: tookIndexes("Job/a 2026-01-01T00:00:00Z", "0,3") };

  it("are those of its status while it is held with a claim", () => {
    expect(takenIndexes(job({}, waiting("true", { [names.memoClaimAnnotation]: "x" })))).toBe("0,3");
  });

  it("are none where those have run", () => {
    expect(takenIndexes(job({}, waiting("true", {})))).toBe("");
    expect(takenIndexes(job({}, waiting("false", {})))).toBe("");
  });

  it("are those that it says once it was started", () => {
    expect(takenIndexes(job({}, waiting("false", from)))).toBe("0,3");
  });

  it("are none of what was memoized as a whole", () => {
    const whole = { [names.memoizedFromAnnotation]: "Job/a Pod/a-x 2026-01-01T00:00:00Z" };
    expect(takenIndexes(job({}, waiting("false", whole)))).toBe("");
  });
});
