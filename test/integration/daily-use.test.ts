import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import {
  gone,
  makes,
  memo,
  reads,
  remembered,
  renamed,
  startDailyWork,
  waits,
} from "../support/daily-work.ts";
import { completed, ended, eventOf, jobIn, messageOf, says } from "../support/held-jobs.ts";
import { test as base } from "../support/integration.ts";
import { minor } from "../support/kubernetes-version.ts";
import { until } from "../support/wait.ts";

/** What people do with a workflow day by day, beside the real controllers of Jobs, with the real kubectl. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
const test = base.extend("all", { scope: "file" }, async ({}, { onCleanup }) => {
  const { stop, ...all } = await startDailyWork();
  onCleanup(stop);
  return all;
});

describe.concurrent("a step is cancelled", { timeout: 600_000 }, () => {
  test("and what needs its output waits on, or fails where it says so", async ({ all: { work, world } }) => {
    const { ns, run, apply } = await work("cancel");
    await apply(
      reads("cancel"),
      renamed(reads("cancel", { "on-producer-failure": "fail" }), "fails"),
      makes("cancel", { ...waits, "input-uri": "cancel/never:1" }),
    );
    for (const name of ["reads", "fails"]) await says(ns, name, "made by Job makes");
    await run("delete job makes");
    expect(await ended(ns, "fails")).toBe("Failed");
    const { conditions } = (await jobIn(ns, "fails"))?.status ?? {};
    expect(conditions?.find(({ type }) => type === "Failed")).toMatchObject({
      reason: "InputProducerFailed",
    });
    await until(
      async () => !messageOf(await jobIn(ns, "reads"))?.includes("made by"),
      "the step to say that nobody makes its input",
    );
    const job = await jobIn(ns, "reads");
    expect(messageOf(job)).toMatch(/^Waits for cancel\/a:1 \(/);
    expect(job?.spec?.suspend).toBe(true);
    expect(job?.metadata?.labels?.[names.waitingLabel]).toBe("true");
    expect(world.runsIn("cancel")).toEqual([]);
  });
});

describe.concurrent("a step that makes an input is deleted and applied again", { timeout: 600_000 }, () => {
  test("and those that wait wait for the new one, those that run keep their digests", async ({
    all: { work, world },
  }) => {
    const { ns, run, apply } = await work("replaced");
    const before = await world.put("replaced/a:1", "before");
    const release = world.hold("replaced");
    await apply(reads("replaced"));
    await until(async () => (await jobIn(ns, "reads"))?.status?.active, "it to run");
    await apply(makes("replaced", {}, "1", { suspend: true }));
    await apply(renamed(reads("replaced"), "later"));
    await says(ns, "later", "made by Job makes");
    await run("delete job makes");
    await gone(ns, "makes");
    await apply(makes("replaced"));
    await says(ns, "later", "made by Job makes");
    release();
    await completed(ns, "reads", "makes", "later");
    const runs = world.runsIn("replaced");
    const made = runs.find(({ job }) => job === "makes")?.pushed;
    expect(runs.find(({ job }) => job === "reads")?.pins).toEqual([before]);
    expect(runs.find(({ job }) => job === "later")?.pins).toEqual([made]);
  });

  test("after it failed, and those that wait go on", async ({ all: { work, world } }) => {
    const { ns, run, apply } = await work("failed");
    world.break("failed", "makes");
    await apply(reads("failed"), makes("failed"));
    expect(await ended(ns, "makes")).toBe("Failed");
    expect(await eventOf(ns, "reads", "InputProducerFailed")).toContain("Create it again");
    expect((await jobIn(ns, "reads"))?.spec?.suspend).toBe(true);
    world.mend("failed", "makes");
    await run("delete job makes");
    await gone(ns, "makes");
    await apply(makes("failed"));
    await completed(ns, "makes", "reads");
    const runs = world.runsIn("failed").filter(({ pushed }) => pushed);
    expect(runs).toMatchObject([{ job: "makes" }, { job: "reads", pins: [runs[0]?.pushed] }]);
  });
});

describe.concurrent("ttlSecondsAfterFinished", { timeout: 600_000 }, () => {
  test.skipIf(minor < 31)("counts for a step that did not run", async ({ all: { work, world } }) => {
    const { ns, apply, run } = await work("ttl");
    await apply(makes("ttl", memo));
    await completed(ns, "makes");
    await remembered(ns, "makes");
    await run("delete job makes");
    await gone(ns, "makes");
    await apply(makes("ttl", memo, "1", { ttlSecondsAfterFinished: 5 }));
    // The Event stays when the Job is gone.
    await eventOf(ns, "makes", "Memoized");
    await gone(ns, "makes");
    expect(world.runsIn("ttl")).toHaveLength(1);
  });

  test("removes a step that made an input before its reader came: its tag is there", async ({
    all: { work, world },
  }) => {
    const { ns, apply } = await work("ttl-before");
    await apply(makes("ttl-before", {}, "1", { ttlSecondsAfterFinished: 0 }));
    await until(() => world.runsIn("ttl-before").length > 0, "it to run");
    await gone(ns, "makes");
    await apply(reads("ttl-before", { "on-producer-failure": "fail" }));
    await completed(ns, "reads");
    const [made, read] = world.runsIn("ttl-before");
    expect(read?.pins).toEqual([made?.pushed]);
  });
});
