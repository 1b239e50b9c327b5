import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { resources } from "../../src/kube/resources.ts";
import { jobOf } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { minor } from "../support/kubernetes-version.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { kubectl } from "../support/programs.ts";
import { until } from "../support/wait.ts";
import { endOfJob } from "../support/workflow-world.ts";

/** The operator with the rights of its installation, beside the real controllers of Jobs. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
const test = base.extend("all", { scope: "file" }, async ({}, { onCleanup }) => {
  const { world, plane, admin, stop } = await startJobPlane();
  onCleanup(stop);
  return { world, plane, admin };
});

const memo = { memoize: "on", "memoize-assume": "tags" };
const job = (name: string, output: string, spec: object = {}, more = {}) =>
  jobOf(name, { ...memo, "output-uri": output, ...more }, "make it", spec) as V1Job & { kind: string };
const array = (ns: ObjectsIn, name: string, completions: number, more = {}) =>
  job(name, `${ns.namespace}/${name}:$(JOB_COMPLETION_INDEX)`, {
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

/** How often the API server was asked so, by anybody. */
async function asked(kubeconfig: string, ...labels: string[]): Promise<number> {
  const { stdout } = await kubectl(kubeconfig, ["get", "--raw", "/metrics"]);
  const lines = stdout.split("\n").filter((line) => line.startsWith("apiserver_request_total{"));
  const found = lines.filter((line) => labels.every((label) => line.includes(label)));
  return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
const patchesOfJobs = (kubeconfig: string) =>
  asked(kubeconfig, 'resource="jobs"', 'verb="PATCH"', 'group="batch"');
const listsOfPods = (kubeconfig: string) =>
  asked(kubeconfig, 'resource="pods"', 'verb="LIST"', 'scope="namespace"');

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
  const many = 1_000;

  const createAll = async (ns: ObjectsIn, count: number, spec: object = {}) => {
    const names = Array.from({ length: count }, (_, i) => `equal-${i}`);
    for (let at = 0; at < count; at += 20)
      await Promise.all(
        names
          .slice(at, at + 20)
          .map((name) => ns.create(resources.jobs, job(name, `${ns.namespace}/${name}:1`, spec))),
      );
    return names;
  };
  const jobsIn = async (ns: ObjectsIn, admin: { request: <T>(o: { path: string }) => Promise<T> }) =>
    (await admin.request<{ items: V1Job[] }>({ path: `/apis/batch/v1/namespaces/${ns.namespace}/jobs` }))
      .items;

  test(`run once, ${many} of them, with few writes for each`, async ({ all: { world, admin, plane } }) => {
    const ns = await world.namespace("equal");
    const release = world.hold("equal");
    const begun = await patchesOfJobs(plane.kubeconfig);
    await createAll(ns, many);
    const isHeld = ({ status }: V1Job) =>
      status?.conditions?.some(
        ({ type, reason }) => type === names.inputsAvailable && reason === "Coalesced",
      );
    await until(
      async () => (await jobsIn(ns, admin)).filter(isHeld).length === many - 1,
      "all but one to wait",
    );
    const [written, lists] = [await patchesOfJobs(plane.kubeconfig), await listsOfPods(plane.kubeconfig)];
    // One that it waits, and one that opens the first.
    expect(written - begun).toBeLessThanOrEqual(many + 20);
    const at = Date.now();
    release();
    const isComplete = (one: V1Job) => endOfJob(one) === "Complete";
    await until(async () => (await jobsIn(ns, admin)).every(isComplete), "all to be complete", 500_000);
    const isMarked = ({ metadata }: V1Job) => metadata?.labels?.[names.memoizedLabel] === "true";
    await until(async () => (await jobsIn(ns, admin)).filter(isMarked).length === many - 1, "the labels");
    console.info({
      many,
      seconds: (Date.now() - at) / 1000,
      writes: (await patchesOfJobs(plane.kubeconfig)) - written,
      lists: (await listsOfPods(plane.kubeconfig)) - lists,
    });
    expect(world.runsIn("equal")).toHaveLength(1);
    // Claim, end, and that it did not run.
    expect((await patchesOfJobs(plane.kubeconfig)) - written).toBeLessThanOrEqual(3 * many + 20);
  }, 900_000);

  test("that all fail are told once that they wait", async ({ all: { world, admin, plane } }) => {
    const count = 60;
    const ns = await world.namespace("failing");
    for (let i = 0; i < count; i++) world.break("failing", `equal-${i}`);
    const begun = await patchesOfJobs(plane.kubeconfig);
    await createAll(ns, count);
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
