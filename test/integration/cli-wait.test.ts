import { describe, expect } from "vitest";
import { exits } from "../../src/cli/exits.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { jobOf, podOf } from "../support/builders.ts";
import { endOf, makeEndedPod, makeJob } from "../support/ended-jobs.ts";
import { test as base } from "../support/integration.ts";
import { makePlugin } from "../support/plugin.ts";

const test = base.extend("plugin", async ({ ns }) => {
  await makeJob(ns, "split", { "output-uri": "parts/all:v1" });
  await makeJob(ns, "count", { "input-uri": "parts/all:v1", "output-uri": "counts/all:v1" });
  await makeJob(ns, "report", { "input-uri": "counts/all:v1" }, { suspend: true });
  return makePlugin(ns.namespace);
});

describe("wait for steps", () => {
  test("ends when all have succeeded, and says so of each", async ({ plugin, ns }) => {
    await ns.patchStatus(resources.jobs, "split", endOf("Complete", "CompletionsReached"));
    const waiting = plugin.start(["wait", "-l", "run=17"]);
    await waiting.said("job/split succeeded");
    for (const name of ["count", "report"])
      await ns.patchStatus(resources.jobs, name, endOf("Complete", "CompletionsReached"));
    const { code, stdout, stderr } = await waiting.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n").sort()).toEqual([
      ...["", "3 steps succeeded", "job/count succeeded", "job/report succeeded", "job/split succeeded"],
    ]);
  });

  test("ends when the others cannot start any more, with the log of what failed", async ({ plugin, ns }) => {
    await ns.patchStatus(resources.jobs, "split", endOf("Failed", "BackoffLimitExceeded"));
    await makeEndedPod(ns, "split", "Failed", "main", { exitCode: 137, reason: "OOMKilled" });
    const { code, stdout, stderr } = await plugin.run("wait", "job/split", "job/count", "job/report");
    expect(code).toBe(exits.failed);
    expect(stdout).toMatch(/^job\/split failed: OOMKilled: The container main ended with exit code 137\.\n/);
    // Without a kubelet there is no log.
    expect(stdout).toMatch(/\n {2}The log of the container main of pod\/split-x7k2p is empty\.\n/);
    expect(stdout).toMatch(/\njob\/count cannot start: job\/split failed\n/);
    expect(stdout).toMatch(/\njob\/report cannot start: job\/split failed\n$/);
    expect(stderr).toBe("Not all steps succeeded: 1 failed, 1 suspended, 1 waiting.\n");
  });

  test.for<[string, { readonly onTemplate?: true }]>([
    ["trial-3", {}],
    // A label cannot have it, and a tag can.
    ["_Nr.17_", {}],
    ["on-template", { onTemplate: true }],
  ])("waits for a run by its name: %s, %o", async ([run, { onTemplate = false }], { plugin, ns }) => {
    const map = { "output-uri": "of/all:$(RUN)", run } as const;
    const job = jobOf("of-run", map);
    const { annotations, ...metadata } = job.metadata as KubeObject["metadata"] & object;
    const template = { ...job.spec?.template, metadata: { annotations } };
    const moved = { ...job, metadata, spec: { ...job.spec, template } };
    await ns.create(resources.jobs, (onTemplate ? moved : job) as KubeObject);
    await ns.create(resources.pods, podOf("alone", map) as KubeObject);
    await ns.patchStatus(resources.pods, "alone", { phase: "Succeeded" });
    // Of a Job what stands on itself counts, and its Pods are no steps.
    const other = jobOf("of-another", { ...map, run: "another" });
    const { uid } = (await ns.create(resources.jobs, other as KubeObject)).metadata ?? {};
    const ownerReferences = [
      { apiVersion: "batch/v1", kind: "Job", name: "of-another", uid, controller: true },
    ];
    const tried = podOf("of-another-x7k2p", map);
    await ns.create(resources.pods, {
      ...tried,
      metadata: { ...tried.metadata, ownerReferences },
    } as KubeObject);
    const waiting = plugin.start(["wait", "--run", run]);
    await waiting.said("pod/alone succeeded");
    expect((await plugin.run("graph", "--run", run)).stdout).toMatch(/^2 steps in /);
    await ns.patchStatus(resources.jobs, "of-run", endOf("Complete", "CompletionsReached"));
    const { code, stdout } = await waiting.ended;
    expect({ code, stdout }).toEqual({
      ...{ code: 0, stdout: "pod/alone succeeded\njob/of-run succeeded\n2 steps succeeded\n" },
    });
    expect(await plugin.run("wait", "--run", "no")).toMatchObject({
      ...{ code: exits.notFound, stdout: "" },
      stderr: "--run no selects no Job or Pod with an input or output of the operator.\n",
    });
  });

  test("says what is not there, what does not end in time, and what it was not asked", async ({ plugin }) => {
    const late = await plugin.run("wait", "job/split", "--timeout", "1s");
    expect(late.code).toBe(exits.timedOut);
    expect(late.stderr).toMatch(
      /^Not all steps ended within 1s: 1 waiting\. kubectl oras-cache graph --namespace \S+ says what each waits for\.\n$/,
    );
    expect(await plugin.run("wait", "-l", "run=19")).toMatchObject({
      ...{ code: exits.notFound, stdout: "" },
      stderr: "-l run=19 selects no Job or Pod with an input or output of the operator.\n",
    });
    const unknown = await plugin.run("wait", "job/split", "job/splot");
    expect(unknown).toMatchObject({
      code: exits.notFound,
      stderr: expect.stringMatching(/^job\/splot: no such/),
    });
    for (const args of [
      [],
      ["a:b", "job/split"],
      ["job/split", "-l", "x=y"],
      ["job/split", "--run", "x"],
      ["a:b", "c:d"],
    ])
      expect(await plugin.run("wait", ...args)).toMatchObject({
        ...{ code: exits.usage, stdout: "" },
        stderr: expect.stringMatching(/^Name one artifact, or steps as /),
      });
  });
});
