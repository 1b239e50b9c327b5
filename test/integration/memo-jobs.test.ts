import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { resources } from "../../src/kube/resources.ts";
import { createEqual, expectOneRun, jobsIn, memoJob, patchesOfJobs } from "../support/equal-steps.ts";
import { test as base } from "../support/integration.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { minor } from "../support/kubernetes-version.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { until } from "../support/wait.ts";
import { endOfJob } from "../support/workflow-world.ts";

/** The operator with the rights of its installation, beside the real controllers of Jobs. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
const test = base.extend("all", { scope: "file" }, async ({}, { onCleanup }) => {
  const { world, plane, admin, stop } = await startJobPlane();
  onCleanup(stop);
  return { world, plane, admin };
});

const array = (ns: ObjectsIn, name: string, completions: number, more = {}) =>
  memoJob(name, `${ns.namespace}/${name}:$(JOB_COMPLETION_INDEX)`, {
    completionMode: "Indexed",
    completions,
    parallelism: 2,
    ...more,
  });

const read = (ns: ObjectsIn, name: string) => ns.read<V1Job>(resources.jobs, name);
const ended = async (ns: ObjectsIn, name: string) => {
  expect(await until(() => read(ns, name).then(endOfJob), `the end of ${name}`)).toBe("Complete");
  return (await read(ns, name)) as V1Job;
};
const recorded = (ns: ObjectsIn, name: string) =>
  until(
    async () => (await read(ns, name))?.metadata?.annotations?.[names.memoKeyAnnotation]?.split(" ")[1],
    `what became of the result of ${name}`,
  );
const reasonOf = ({ status }: V1Job) => status?.conditions?.find(({ type }) => type === "Complete")?.reason;

describe.skipIf(minor < 31)("an Indexed Job", () => {
  test("runs only the indexes whose results are not there", async ({ all: { world, admin } }) => {
    const ns = await world.namespace("part");
    await ns.create(resources.jobs, array(ns, "first", 4));
    await ended(ns, "first");
    expect(await recorded(ns, "first")).toBe("written");
    await ns.create(resources.jobs, array(ns, "second", 6));
    const second = await ended(ns, "second");
    expect(second.status).toMatchObject({ succeeded: 6, completedIndexes: "0-5" });
    expect(reasonOf(second)).not.toBe("Memoized");
    const ran = world.runsIn("part").filter((run) => run.job === "second");
    expect(ran.map(({ index }) => index).sort()).toEqual(["4", "5"]);
    const { items } = await admin.request<{ items: V1Pod[] }>({
      path: "/api/v1/namespaces/part/pods",
      query: { labelSelector: "job-name=second" },
    });
    expect(items).toHaveLength(2);
    for (const index of [0, 1, 2, 3])
      expect(await world.tagged("part/second", `${index}`)).toBe(
        await world.tagged("part/first", `${index}`),
      );
    for (const { index, pushed } of ran) expect(await world.tagged("part/second", index ?? "")).toBe(pushed);
    expect(second.metadata?.annotations?.[names.memoizedFromAnnotation]).toMatch(
      /^Job\/first .* indexes 0-3$/,
    );
    expect(await recorded(ns, "second")).toBe("written");
    const told = await ns.events("second");
    expect(told.find(({ reason }) => reason === "Memoized")?.note).toMatch(
      /^The indexes 0-3 of 6 do not run/,
    );
    // Each of its indexes is remembered now.
    await ns.create(resources.jobs, array(ns, "third", 6));
    expect(reasonOf(await ended(ns, "third"))).toBe("Memoized");
    expect(world.runsIn("part").filter((run) => run.job === "third")).toEqual([]);
  });

  test("that is made again or compared runs as a whole", async ({ all: { world } }) => {
    const ns = await world.namespace("again");
    const run = async (name: string, memoize: string, completions: number) => {
      const { metadata, ...rest } = array(ns, name, completions);
      const annotations = { ...metadata?.annotations, [`${names.prefix}memoize`]: memoize };
      await ns.create(resources.jobs, { ...rest, metadata: { ...metadata, annotations } } as never);
      await ended(ns, name);
      return recorded(ns, name);
    };
    expect(await run("first", "on", 2)).toBe("written");
    expect(await run("again", "refresh", 3)).toBe("written");
    // Each Pod here makes something new.
    expect(await run("compared", "verify", 3)).toBe("different");
    const indexes = world.runsIn("again").map((one) => `${one.job} ${one.index}`);
    expect(indexes.filter((one) => !one.startsWith("first")).sort()).toEqual([
      ...["again 0", "again 1", "again 2"],
      ...["compared 0", "compared 1", "compared 2"],
    ]);
  });

  test("whose index fails goes on as any, and what had its result is not run again", async ({
    all: { world },
  }) => {
    const ns = await world.namespace("fails");
    await ns.create(resources.jobs, array(ns, "first", 4));
    await ended(ns, "first");
    expect(await recorded(ns, "first")).toBe("written");
    world.break("fails", "second");
    await ns.create(resources.jobs, array(ns, "second", 6, { backoffLimitPerIndex: 0, backoffLimit: 6 }));
    const end = () => read(ns, "second").then(endOfJob);
    expect(await until(end, "the end of second")).toBe("Failed");
    const { status } = (await read(ns, "second")) as V1Job;
    expect(status).toMatchObject({ succeeded: 4, completedIndexes: "0-3", failedIndexes: "4,5" });
  });
});

describe.skipIf(minor < 31)("equal steps that come at once", () => {
  test("run once, with few writes for each", async ({ all }) => expectOneRun(all, 50), 300_000);

  test("that all fail are told once that they wait", async ({ all: { world, admin, plane } }) => {
    const count = 60;
    const ns = await world.namespace("failing");
    for (let i = 0; i < count; i++) world.break("failing", `equal-${i}`);
    const begun = await patchesOfJobs(plane.kubeconfig);
    await createEqual(ns, count);
    await until(
      async () => (await jobsIn(ns, admin)).every((one) => endOfJob(one) === "Failed"),
      "all to have failed",
      500_000,
    );
    expect(world.runsIn("failing")).toHaveLength(count);
    // That it waits, its start, that its inputs were there.
    expect((await patchesOfJobs(plane.kubeconfig)) - begun).toBeLessThanOrEqual(4 * count);
  }, 900_000);
});

test.skipIf(minor >= 31)("before 1.31 an Indexed Job runs as a whole", async ({ all: { world } }) => {
  const ns = await world.namespace("old");
  for (const name of ["first", "second"]) {
    await ns.create(resources.jobs, array(ns, name, 3));
    await ended(ns, name);
  }
  expect(world.runsIn("old")).toHaveLength(6);
  const told = await ns.events("second");
  expect(told.map(({ reason }) => reason)).toContain("NotMemoizable");
});
