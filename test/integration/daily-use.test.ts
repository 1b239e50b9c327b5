import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { stringify } from "yaml";
import { names } from "../../schema/names.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { jobOf, keyed, type StepAnnotations } from "../support/builders.ts";
import { temporaryFolder } from "../support/folders.ts";
import { completed, ended, eventOf, jobIn, messageOf, says } from "../support/held-jobs.ts";
import { test as base } from "../support/integration.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { minor } from "../support/kubernetes-version.ts";
import { yamlOf } from "../support/manifests.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { kubectl } from "../support/programs.ts";
import { until } from "../support/wait.ts";

/** What people do with a workflow day by day, beside the real controllers of Jobs, with the real kubectl. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
const test = base.extend("all", { scope: "file" }, async ({}, { onCleanup }) => {
  const { world, plane, stop } = await startJobPlane();
  onCleanup(stop);
  return {
    world,
    /** A namespace, and kubectl in it. */
    work: async (name: string) => {
      const ns = await world.namespace(name);
      const run = async (line: string, input?: string) =>
        (await kubectl(plane.kubeconfig, ["--namespace", name, ...line.split(" ")], input)).stdout;
      const apply = (...objects: object[]) => run("apply -f -", yamlOf(objects as KubeObject[]));
      return { ns, run, apply };
    },
  };
});

const waits: StepAnnotations = { "wait-for-inputs": "true" };
const memo: StepAnnotations = { memoize: "on", "memoize-assume": "tags" };
/** A step that reads, and the one that makes what it reads; `more` is for both. */
const reads = (space: string, more: StepAnnotations = {}, tag = "1", spec: object = {}) =>
  jobOf(
    "reads",
    { ...waits, "input-uri": `${space}/a:${tag}`, "output-uri": `${space}/b:${tag}`, ...more },
    `read ${space}`,
    spec,
  );
const makes = (space: string, more: StepAnnotations = {}, tag = "1", spec: object = {}) =>
  jobOf("makes", { "output-uri": `${space}/a:${tag}`, ...more }, `make ${space}`, spec);
const gone = (ns: ObjectsIn, name: string) =>
  until(async () => (await jobIn(ns, name)) === undefined, `Job ${name} to be gone`);
const isMemoized = (job: V1Job | undefined) => job?.metadata?.labels?.[names.memoizedLabel] === "true";

describe.concurrent("a step is cancelled", { timeout: 600_000 }, () => {
  test("and what needs its output waits on, or fails where it says so", async ({ all: { work, world } }) => {
    const { ns, run, apply } = await work("cancel");
    const fails = { "on-producer-failure": "fail", "output-uri": "cancel/c:1" } as const;
    await apply(
      reads("cancel"),
      { ...reads("cancel", fails), metadata: { ...reads("cancel", fails).metadata, name: "fails" } },
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
    const later = reads("replaced", { "output-uri": "replaced/c:1" });
    await apply({ ...later, metadata: { ...later.metadata, name: "later" } });
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

describe.concurrent("a workflow is applied again", { timeout: 600_000 }, () => {
  test("in part, and what the others have pushed is its input", async ({ all: { work, world } }) => {
    const { ns, run, apply } = await work("part");
    await apply(reads("part"), makes("part"));
    await completed(ns, "makes", "reads");
    await run("delete job reads");
    await gone(ns, "reads");
    await apply(reads("part"), makes("part"));
    await completed(ns, "reads");
    const runs = world.runsIn("part");
    const made = runs.find(({ job }) => job === "makes")?.pushed;
    expect(runs.map(({ job, pins }) => [job, pins])).toEqual([
      ...[["makes", []]],
      ...[0, 1].map(() => ["reads", [made]]),
    ]);
  });

  test.skipIf(minor < 31)(
    "and what is memoized does not run, also as another run",
    async ({ all: { work, world } }) => {
      const { ns, run, apply } = await work("again");
      const as = (value: string, more: StepAnnotations = memo) => [
        reads("again", { ...more, run: value }, "$(RUN)"),
        makes("again", { ...more, run: value }, "$(RUN)"),
      ];
      const all = async (...objects: object[]) => {
        await apply(...objects);
        await completed(ns, "makes", "reads");
        const jobs = [await jobIn(ns, "makes"), await jobIn(ns, "reads")];
        for (const name of ["makes", "reads"])
          await until(
            async () => (await jobIn(ns, name))?.metadata?.annotations?.[names.memoKeyAnnotation] ?? true,
            "its key",
          );
        return jobs.map(isMemoized);
      };
      const remove = async () => {
        await run("delete jobs --all");
        for (const name of ["makes", "reads"]) await gone(ns, name);
      };
      expect(await all(...as("one"))).toEqual([false, false]);
      const recorded = async (name: string) =>
        (await jobIn(ns, name))?.metadata?.annotations?.[names.memoKeyAnnotation]?.endsWith(" written");
      for (const name of ["makes", "reads"]) await until(() => recorded(name), `${name} to be remembered`);
      await remove();
      expect(await all(...as("one"))).toEqual([true, true]);
      await remove();
      expect(await all(...as("two"))).toEqual([true, true]);
      for (const repository of ["again/a", "again/b"])
        expect(await world.tagged(repository, "two")).toBe(await world.tagged(repository, "one"));
      expect(world.runsIn("again")).toHaveLength(2);
      await remove();
      expect(await all(...as("three", {}))).toEqual([false, false]);
      const [made, read] = world.runsIn("again").slice(2);
      expect([made?.job, read?.job, read?.pins]).toEqual(["makes", "reads", [made?.pushed]]);
      expect(made?.pushed).not.toBe(await world.tagged("again/a", "one"));
    },
  );

  test("with a value of run that was used before, and each gets what was made after it came", async ({
    all: { work, world },
  }) => {
    const { ns, run, apply } = await work("same-run");
    const objects = [reads("same-run", { run: "x" }, "$(RUN)"), makes("same-run", { run: "x" }, "$(RUN)")];
    for (const round of [1, 2]) {
      await apply(...objects);
      await completed(ns, "makes", "reads");
      const [made, read] = world.runsIn("same-run").slice(-2);
      expect([round, made?.job, read?.job, read?.pins]).toEqual([round, "makes", "reads", [made?.pushed]]);
      await run("delete jobs --all");
      for (const name of ["makes", "reads"]) await gone(ns, name);
    }
    expect(world.runsIn("same-run")).toHaveLength(4);
  });

  test("as a run by kustomize", async ({ all: { work, world } }) => {
    const { ns, run } = await work("kustomized");
    const folder = temporaryFolder("kustomized");
    const files = {
      "reads.yaml": reads("kustomized", {}, "$(RUN)"),
      "makes.yaml": makes("kustomized", {}, "$(RUN)"),
    };
    for (const [file, object] of Object.entries(files)) writeFileSync(join(folder, file), stringify(object));
    const runs: string[][] = [];
    for (const value of ["monday", "tuesday"]) {
      const kustomization = {
        ...{ apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization" },
        ...{
          resources: Object.keys(files),
          namePrefix: `${value}-`,
          commonAnnotations: keyed({ run: value }),
        },
      };
      writeFileSync(join(folder, "kustomization.yaml"), stringify(kustomization));
      await run("apply -f -", await run(`kustomize ${folder}`));
      await completed(ns, `${value}-makes`, `${value}-reads`);
      const [made, read] = world.runsIn("kustomized").slice(-2);
      expect(read).toMatchObject({ job: `${value}-reads`, pins: [made?.pushed] });
      expect(await world.tagged("kustomized/a", value)).toBe(made?.pushed);
      runs.push([made?.pushed ?? "", read?.pushed ?? ""]);
    }
    expect(await world.tagged("kustomized/b", "monday")).toBe(runs[0]?.[1]);
    expect(new Set(runs.flat()).size).toBe(4);
  });
});

describe.concurrent("ttlSecondsAfterFinished", { timeout: 600_000 }, () => {
  test.skipIf(minor < 31)("counts for a step that did not run", async ({ all: { work, world } }) => {
    const { ns, apply, run } = await work("ttl");
    await apply(makes("ttl", memo));
    await completed(ns, "makes");
    const recorded = async () =>
      (await jobIn(ns, "makes"))?.metadata?.annotations?.[names.memoKeyAnnotation]?.endsWith(" written");
    await until(recorded, "it to be remembered");
    await run("delete job makes");
    await gone(ns, "makes");
    await apply(makes("ttl", memo, "1", { ttlSecondsAfterFinished: 5 }));
    const found = await until(async () => {
      const job = await jobIn(ns, "makes");
      return isMemoized(job) && job;
    }, "it to be memoized");
    expect(found.spec?.ttlSecondsAfterFinished).toBe(5);
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
