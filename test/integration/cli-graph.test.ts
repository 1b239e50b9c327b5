import { describe, expect } from "vitest";
import { exits } from "../../src/cli/exits.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { jobOf, type StepAnnotations } from "../support/builders.ts";
import { parseDot } from "../support/dot.ts";
import { test as base } from "../support/integration.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { makePlugin } from "../support/plugin.ts";

const now = () => new Date().toISOString();

/** Nothing runs Jobs beside an API server alone: the test says what their controller would. */
const ended = (type: "Complete" | "Failed", reason: string) => {
  const met = {
    status: "True",
    reason,
    message: "as it ended",
    lastTransitionTime: now(),
    lastProbeTime: now(),
  };
  const before = type === "Complete" ? "SuccessCriteriaMet" : "FailureTarget";
  const times = { startTime: now(), ...(type === "Complete" ? { completionTime: now(), succeeded: 1 } : {}) };
  return {
    ...times,
    conditions: [
      { type: before, ...met },
      { type, ...met },
    ],
  };
};

async function make(ns: ObjectsIn, name: string, map: StepAnnotations, spec: object = {}): Promise<void> {
  const job = jobOf(name, map, "true", spec);
  const labels = { run: name === "alone" ? "18" : "17" };
  await ns.create(resources.jobs, { ...job, metadata: { ...job.metadata, labels } } as KubeObject);
}

const test = base.extend("drawn", async ({ ns }) => {
  await make(ns, "split", { "input-uri": "data/raw:v1", "output-uri": "parts/all:v1" });
  await make(ns, "count", { "input-uri": "parts/all:v1", "output-uri": "counts/all:v1" });
  const indexed = { completionMode: "Indexed", completions: 6, parallelism: 2, suspend: true };
  await make(
    ns,
    "plot",
    { "input-uri": "parts/all:v1", "output-uri": "plots/p:$(JOB_COMPLETION_INDEX)" },
    indexed,
  );
  const both = {
    "input-uri": "counts/all:v1",
    "input-uri_1": "plots/p:0",
    "output-uri": "report/$(JOB_NAME):v1",
  };
  await make(ns, "report", both);
  await make(ns, "alone", { "output-uri": "other/x:v1" });
  await ns.patchStatus(resources.jobs, "split", ended("Complete", "CompletionsReached"));
  await ns.patchStatus(resources.jobs, "count", ended("Failed", "BackoffLimitExceeded"));
  return makePlugin(ns.namespace);
});

describe("graph", () => {
  test("shows five Jobs, also those that have not run", async ({ drawn, ns }) => {
    expect(await drawn.run("graph", "-l", "run=17")).toMatchObject({
      ...{ code: 0, stderr: "" },
      stdout: `4 steps in the namespace ${ns.namespace}: 1 failed, 1 succeeded, 1 suspended, 1 waiting

job/split  succeeded
  reads  data/raw:v1       nobody here makes it
  makes  parts/all:v1

job/count  failed
  BackoffLimitExceeded: as it ended
  reads  parts/all:v1      from job/split
  makes  counts/all:v1

job/plot  suspended, 0 of 6 succeeded
  reads  parts/all:v1      from job/split
  makes  plots/p:0
  makes  plots/p:* x 5

job/report  waiting
  reads  counts/all:v1     from job/count
  reads  plots/p:0         from job/plot
  makes  report/report:v1
`,
    });
  });

  test("has all of it for programs", async ({ drawn }) => {
    const { stdout } = await drawn.run("graph", "-o", "json");
    const { steps, artifacts, cycles } = JSON.parse(stdout);
    expect(steps.map(({ id }: { id: string }) => id)).toEqual([
      ...["job/alone", "job/count", "job/plot", "job/report", "job/split"],
    ]);
    expect(steps[2].outputs.length).toBe(6);
    expect(artifacts.find(({ reference }: { reference: string }) => reference === "plots/p:0")).toMatchObject(
      {
        madeBy: ["job/plot"],
        usedBy: ["job/report"],
      },
    );
    expect(cycles).toEqual([]);
    const { labels } = parseDot((await drawn.run("graph", "-o", "dot")).stdout);
    expect(labels).toContainEqual(["job/split", "succeeded"]);
    expect((await drawn.run("graph", "-o", "mermaid")).stdout).toMatch(
      /^flowchart LR\n {2}n0\["job\/alone<br>waiting"\]\n/,
    );
  });

  test("says what is wrong with a selector, and that there is nothing", async ({ drawn }) => {
    const wrong = await drawn.run("graph", "-l", "run in 17");
    expect(wrong).toMatchObject({ code: exits.usage, stdout: "" });
    expect(wrong.stderr).toMatch(/^-l run in 17: it is no selector of labels; allowed is /);
    expect(await drawn.run("graph", "-l", "run=19")).toMatchObject({
      ...{ code: 0, stderr: "" },
      stdout: expect.stringMatching(/^No Job or Pod .* names an input or output\.\n$/),
    });
    const elsewhere = await (await makePlugin("is-not-there")).run("graph");
    expect(elsewhere).toMatchObject({ code: exits.notFound, stdout: "" });
    expect(elsewhere.stderr).toMatch(/^There is no namespace is-not-there\./);
  });
});
