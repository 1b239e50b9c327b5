import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1CronJob, V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { stringify } from "yaml";
import { names } from "../../schema/names.ts";
import { jobOf } from "../support/builders.ts";
import { gone, makes, memo, reads, remembered, startDailyWork, waits } from "../support/daily-work.ts";
import { temporaryFolder } from "../support/folders.ts";
import { completed, jobIn, told } from "../support/held-jobs.ts";
import { test as base } from "../support/integration.ts";
import { minor } from "../support/kubernetes-version.ts";
import { makePlugin } from "../support/plugin.ts";
import { helm } from "../support/programs.ts";
import { until } from "../support/wait.ts";

/** Steps that other programs create, beside the real controllers of Jobs and CronJobs. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
const test = base.extend("all", { scope: "file" }, async ({}, { onCleanup }) => {
  const { stop, ...all } = await startDailyWork();
  onCleanup(stop);
  return all;
});

const timeout = 600_000;
const minutesMs = 300_000;

/** A CronJob of a step that waits, each minute. */
function cronJob(space: string, spec: object): V1CronJob {
  const { metadata, spec: job } = jobOf("", { ...waits, "input-uri": `${space}/a:1` }, "true");
  return {
    ...{ apiVersion: "batch/v1", kind: "CronJob", metadata: { name: "tick" } },
    spec: {
      schedule: "* * * * *",
      ...spec,
      jobTemplate: { metadata: { annotations: metadata.annotations }, spec: job },
    } as V1CronJob["spec"],
  };
}

describe.concurrent("a CronJob whose Jobs wait", { timeout }, () => {
  const jobsOf = async (run: (line: string) => Promise<string>) =>
    (JSON.parse(await run("get jobs -o json")) as { items: V1Job[] }).items;

  test("skips ticks with Forbid while one waits, and goes on when it has run", async ({
    all: { work, world },
  }) => {
    const { ns, run, apply } = await work("forbid");
    await apply(cronJob("forbid", { concurrencyPolicy: "Forbid" }));
    const [first] = await until(
      async () => {
        const all = await jobsOf(run);
        return all.length > 0 && all;
      },
      "the first tick",
      minutesMs,
    );
    const name = first?.metadata?.name ?? "";
    const job = await told(ns, name, "False");
    expect(job.spec?.suspend).toBe(true);
    expect(job.metadata?.annotations?.[names.gateAnnotation]).toBe("suspend");
    await until(
      async () => (await run("get events -o json")).includes('"JobAlreadyActive"'),
      "a tick to be skipped",
      minutesMs,
    );
    expect(await jobsOf(run)).toHaveLength(1);
    const digest = await world.put("forbid/a:1", "a");
    await completed(ns, name);
    await until(async () => world.runsIn("forbid").length > 1, "the next tick to run", minutesMs);
    expect(world.runsIn("forbid").map(({ pins }) => pins)).toEqual(
      world.runsIn("forbid").map(() => [digest]),
    );
    await run("delete cronjob tick");
  });

  test("adds one that waits at each tick with Allow", async ({ all: { work, world } }) => {
    const { ns, run, apply } = await work("allow");
    await apply(cronJob("allow", {}));
    const all = await until(
      async () => {
        const found = await jobsOf(run);
        return found.length > 1 && found;
      },
      "the second tick",
      minutesMs,
    );
    for (const { metadata } of all) {
      const job = await told(ns, metadata?.name ?? "", "False");
      expect(job.metadata?.labels?.[names.waitingLabel]).toBe("true");
    }
    await run('patch cronjob tick -p {"spec":{"suspend":true}}');
    await world.put("allow/a:1", "a");
    await completed(ns, ...all.map(({ metadata }) => metadata?.name ?? ""));
  });

  test("gives its Job to kubectl create job --from, and that waits as any", async ({
    all: { work, world },
  }) => {
    const { ns, run, apply } = await work("from");
    await apply(cronJob("from", { suspend: true }));
    await run("create job now --from=cronjob/tick");
    const job = await told(ns, "now", "False");
    expect(job.spec?.suspend).toBe(true);
    expect(job.metadata?.ownerReferences).toMatchObject([{ kind: "CronJob", name: "tick" }]);
    const digest = await world.put("from/a:1", "a");
    await completed(ns, "now");
    expect(world.runsIn("from")).toMatchObject([{ job: "now", pins: [digest] }]);
  });
});

describe.concurrent("Helm that waits for Jobs", { timeout }, () => {
  const chart = (name: string, ...jobs: V1Job[]) => {
    const folder = temporaryFolder("chart");
    mkdirSync(join(folder, "templates"));
    writeFileSync(join(folder, "Chart.yaml"), stringify({ apiVersion: "v2", name, version: "1.0.0" }));
    for (const job of jobs)
      writeFileSync(join(folder, "templates", `${job.metadata?.name}.yaml`), stringify(job));
    return folder;
  };
  const install = (kubeconfig: string, space: string, name: string, folder: string, ...flags: string[]) =>
    helm(["--kubeconfig", kubeconfig, "--namespace", space, "install", name, folder, "--wait", ...flags]);
  const forJobs = (patience: string) => ["--wait-for-jobs", "--timeout", patience];

  test("has a workflow run whose steps are in one release", async ({ all: { work, world, kubeconfig } }) => {
    const { ns } = await work("release");
    const folder = chart("flow", reads("release"), makes("release"));
    await install(kubeconfig, "release", "flow", folder, ...forJobs("5m"));
    await completed(ns, "makes", "reads");
    const [made, read] = world.runsIn("release");
    expect(read?.pins).toEqual([made?.pushed]);
  });

  test("does not get on from a step whose input is made by a later release", async ({
    all: { work, kubeconfig },
  }) => {
    const { ns } = await work("releases");
    const first = chart("first", reads("releases"));
    // With --wait alone it does not look at Jobs.
    await install(kubeconfig, "releases", "unwatched", first);
    expect((await jobIn(ns, "reads"))?.spec?.suspend).toBe(true);
    await helm(["--kubeconfig", kubeconfig, "--namespace", "releases", "uninstall", "unwatched"]);
    await gone(ns, "reads");
    await expect(install(kubeconfig, "releases", "first", first, ...forJobs("15s"))).rejects.toThrow(
      /deadline|timed out|not ready/,
    );
    expect((await jobIn(ns, "reads"))?.spec?.suspend).toBe(true);
    await install(kubeconfig, "releases", "second", chart("second", makes("releases")), ...forJobs("5m"));
    await completed(ns, "reads");
  });
});

describe.concurrent("kubectl oras-cache rerun", { timeout }, () => {
  test("makes a step again, and with --downstream those that read it", async ({
    all: { work, world, kubeconfig },
  }) => {
    const { ns, apply } = await work("rerun");
    const plugin = await makePlugin("rerun", kubeconfig);
    await apply(reads("rerun"), makes("rerun"));
    await completed(ns, "makes", "reads");
    const { code, stdout, stderr } = await plugin.run("rerun", "job/makes", "--downstream");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.trim().split("\n")).toEqual(["job/makes runs again", "job/reads runs again"]);
    await completed(ns, "makes", "reads");
    const runs = world.runsIn("rerun");
    expect(runs.map(({ job }) => job)).toEqual(["makes", "reads", "makes", "reads"]);
    expect(runs[3]?.pins).toEqual([runs[2]?.pushed]);
  });

  test.skipIf(minor < 31)(
    "runs one that is memoized with --refresh alone",
    async ({ all: { work, world, kubeconfig } }) => {
      const { ns, apply } = await work("refresh");
      const plugin = await makePlugin("refresh", kubeconfig);
      await apply(makes("refresh", memo));
      await completed(ns, "makes");
      await remembered(ns, "makes");
      const rerun = async (...flags: string[]) => {
        const uid = (await jobIn(ns, "makes"))?.metadata?.uid;
        expect((await plugin.run("rerun", "job/makes", ...flags)).code).toBe(0);
        await until(async () => (await jobIn(ns, "makes"))?.metadata?.uid !== uid, "the new one");
        await completed(ns, "makes");
        return world.runsIn("refresh").length;
      };
      expect(await rerun()).toBe(1);
      expect(await rerun("--refresh")).toBe(2);
    },
  );
});
