import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { stringify } from "yaml";
import { keyed, type StepAnnotations } from "../support/builders.ts";
import { gone, makes, memo, reads, remembered, startDailyWork } from "../support/daily-work.ts";
import { temporaryFolder } from "../support/folders.ts";
import { completed, jobIn, says } from "../support/held-jobs.ts";
import { test as base } from "../support/integration.ts";
import { minor } from "../support/kubernetes-version.ts";
import { until } from "../support/wait.ts";

/** Workflows that are applied again, in part or as another run, beside the real controllers of Jobs, with the real kubectl. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
const test = base.extend("all", { scope: "file" }, async ({}, { onCleanup }) => {
  const { stop, ...all } = await startDailyWork();
  onCleanup(stop);
  return all;
});

/** As its end says it; the label comes later. */
const endedSo = (job: V1Job | undefined) =>
  job?.status?.conditions?.some(({ type, reason }) => type === "Complete" && reason === "Memoized");

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
        return [await jobIn(ns, "makes"), await jobIn(ns, "reads")].map(endedSo);
      };
      const remove = async () => {
        await run("delete jobs --all");
        await gone(ns, "makes", "reads");
      };
      expect(await all(...as("one"))).toEqual([false, false]);
      await remembered(ns, "makes", "reads");
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

  test("with a value of run that was used before, and its tags of then are taken as any", async ({
    all: { work, world },
  }) => {
    const { ns, run, apply } = await work("same-run");
    const reader = reads("same-run", { run: "x" }, "$(RUN)");
    const maker = makes("same-run", { run: "x" }, "$(RUN)");
    const remove = async () => {
      await run("delete jobs --all");
      await gone(ns, "makes", "reads");
    };
    await apply(reader, maker);
    await completed(ns, "makes", "reads");
    await remove();
    // Whether it comes with one that makes its input is not known at once.
    await apply(reader);
    const settles = /All inputs are there; waits for steps that may be created together with it/;
    await until(
      async () => (await ns.events("reads")).some(({ note }) => settles.test(note)),
      "it to wait for others",
    );
    await completed(ns, "reads");
    await remove();
    const release = world.hold("same-run");
    await apply(maker, reader);
    await says(ns, "reads", "made by Job makes");
    release();
    await completed(ns, "makes", "reads");
    const runs = world.runsIn("same-run");
    const [first, second] = runs.flatMap(({ job, pushed }) => (job === "makes" ? [pushed] : []));
    expect(runs.flatMap(({ job, pins }) => (job === "reads" ? pins : []))).toEqual([first, first, second]);
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
