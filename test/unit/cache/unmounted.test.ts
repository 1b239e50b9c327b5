import type { V1PodStatus } from "@kubernetes/client-node";
import fc from "fast-check";
import { expect, test } from "vitest";
import { unmounted } from "../../../src/cache/unmounted.ts";

const scheduled = "2026-01-01T00:00:00Z" as unknown as Date;
const since = Date.parse("2026-01-01T00:00:00Z");
const waits: V1PodStatus = {
  phase: "Pending",
  conditions: [
    { type: "PodScheduled", status: "True", lastTransitionTime: scheduled },
    { type: "PodReadyToStartContainers", status: "False" },
  ],
};

test("a Pod without a sandbox is looked at after ten seconds, then each time twice as late, five minutes at most", () => {
  fc.assert(
    fc.property(fc.integer({ min: -5_000, max: 10_000_000 }), (waitedMs) => {
      const found = unmounted({ status: waits }, since + waitedMs);
      expect(found?.isLong).toBe(waitedMs >= 10_000);
      expect(found?.againInMs).toBeGreaterThan(0);
      expect(found?.againInMs).toBeLessThanOrEqual(300_000);
    }),
  );
  const looks = [0];
  for (let at = 0; at < 1_000_000; ) {
    at += unmounted({ status: waits }, since + at)?.againInMs ?? Number.NaN;
    looks.push(at);
  }
  expect(looks.map((at) => at / 1000)).toEqual([0, 10, 20, 40, 80, 160, 320, 620, 920, 1_220]);
});

test.each<[string, V1PodStatus]>([
  ["runs", { ...waits, phase: "Running" }],
  ["is not scheduled", { ...waits, conditions: [{ type: "PodScheduled", status: "False" }] }],
  [
    "has a sandbox",
    {
      ...waits,
      conditions: [
        ...(waits.conditions ?? []).slice(0, 1),
        { type: "PodReadyToStartContainers", status: "True" },
      ],
    },
  ],
  ["of which nothing is said", {}],
])("one that %s does not wait for a volume", (_, status) => {
  expect(unmounted({ status }, since + 60_000)).toBeUndefined();
});
