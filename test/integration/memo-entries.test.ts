import { readFileSync } from "node:fs";
import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { exits } from "../../src/cli/exits.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { shortKey } from "../../src/memo/short-key.ts";
import { jobOf, podOf, type StepAnnotations } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { pusherTo } from "../support/memo.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { makePlugin } from "../support/plugin.ts";
import { startForwarding } from "../support/port-forward.ts";
import { until } from "../support/wait.ts";
import { endOfJob } from "../support/workflow-world.ts";

/** The operator as it is installed, beside the real controllers of Jobs and a real registry; Pods end as a stand-in of the kubelet says. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
const test = base.extend("job", { scope: "file" }, async ({}, { onCleanup }) => {
  const plane = await startJobPlane();
  const forwarding = await startForwarding(plane.plane, plane.world.address);
  onCleanup(async () => {
    forwarding.stop();
    await plane.stop();
  });
  return {
    ...plane,
    /** A namespace whose cache is `oras`, and what people do in it. */
    place: async (namespace: string, spec: object = {}) => {
      const ns = await plane.world.namespace(namespace, spec);
      const plugin = await makePlugin(namespace, forwarding.kubeconfig);
      return { ns, plugin, ...stepsIn(ns), runs: () => plane.world.runsIn(namespace).map(({ job }) => job) };
    },
  };
});

const memoized: StepAnnotations = { memoize: "on", "memoize-assume": "tags" };
const withOutput = (name: string, more: StepAnnotations) => ({
  ...{ "output-uri": `of/${name}:v1` },
  ...more,
});

/** Steps of a namespace: those with the same command do the same. */
function stepsIn(ns: ObjectsIn) {
  const note = async (name: string, reason: string) =>
    (await ns.events(name)).find((event) => event.reason === reason)?.note;
  const keyOf = async (name: string) =>
    ((await ns.read<KubeObject>(resources.jobs, name)) ?? (await ns.read<KubeObject>(resources.pods, name)))
      ?.metadata?.annotations?.[names.memoKeyAnnotation];
  const ended = (name: string) =>
    until(async () => {
      const end = endOfJob(await ns.read<V1Job>(resources.jobs, name));
      if (end === "Failed") throw new Error(`${name} failed`);
      const pod = await ns.read<{ status?: { phase?: string } }>(resources.pods, name);
      // What it made is remembered once it has ended.
      return (end ?? pod?.status?.phase === "Succeeded") && ((await keyOf(name))?.includes(" ") ?? true);
    }, `the end of ${name}`);
  return {
    note: (name: string, reason: string) => until(() => note(name, reason), `${reason} of ${name}`),
    keyOf: async (name: string) => ((await keyOf(name)) ?? "").split(" ")[0] ?? "",
    ended,
    job: async (name: string, command: string, more: StepAnnotations = memoized) => {
      await ns.create(resources.jobs, jobOf(name, withOutput(name, more), command) as KubeObject);
      await ended(name);
    },
    pod: async (name: string, command: string, more: StepAnnotations = memoized) => {
      await ns.create(resources.pods, podOf(name, withOutput(name, more), command) as KubeObject);
      await ended(name);
    },
  };
}

describe("forget", () => {
  test("makes a miss, also where a Pod puts the old entry back", async ({ job }) => {
    const { ns, plugin, keyOf, note, runs, ...make } = await job.place("forget-one");
    await make.job("first", "work");
    await make.job("second", "work");
    expect(runs()).toEqual(["first"]);
    const key = await keyOf("first");
    const pusher = pusherTo(job.world.url);
    const old = await pusher.read(names.memoRepository, key);

    const { code, stdout, stderr } = await plugin.run("forget", "job/second");
    const says = `Forgot the results of job/second (key ${key.slice(0, 12)}).\n`;
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: says, stderr: "" });
    const asShown = says.replace("second", "count").replace(key.slice(0, 12), "4f1c02a97be3");
    expect(readFileSync("docs/cli.md", "utf8")).toContain(asShown);
    expect((await ns.cache("oras"))?.status?.memo).toMatchObject({
      epoch: 1,
      forgotten: [{ epoch: 1, keys: shortKey(key) }],
      answers: [{ done: true }],
    });
    await until(
      async () => (await ns.events("oras")).some(({ reason }) => reason === "Forgotten"),
      "the Event",
    );

    await make.job("third", "work");
    await make.job("fourth", "work");
    expect(runs()).toEqual(["first", "third"]);
    // As a Pod does that may push.
    expect((await pusher.put(names.memoRepository, key, old)).status).toBe(201);
    await make.job("fifth", "work");
    expect(await note("fifth", "MemoMiss")).toContain("its result was forgotten");
    expect(runs()).toEqual(["first", "third", "fifth"]);
  });

  test("--all makes a miss of each", async ({ job }) => {
    const { ns, plugin, runs, ...make } = await job.place("forget-all");
    await make.job("one", "some work");
    await make.pod("other", "other work");
    await make.pod("known", "some work");
    expect(runs()).toEqual(["one", "other"]);
    expect(await plugin.run("forget", "--all", "--cache", "oras")).toMatchObject({
      code: 0,
      stdout: "Forgot all results of the OrasCache.\n",
      stderr: "",
    });
    expect((await ns.cache("oras"))?.status?.memo).toMatchObject({ epoch: 1, forgottenBefore: 1 });
    await make.job("one-again", "some work");
    await make.pod("other-again", "other work");
    expect(runs()).toEqual(["one", "other", "one-again", "other-again"]);
  });

  test("of an Indexed Job makes a miss of each index", async ({ job }) => {
    const { ns, plugin, ended, runs } = await job.place("forget-indexed");
    const indexed = async (name: string) => {
      const map = { ...memoized, "output-uri": `of/${name}:$(JOB_COMPLETION_INDEX)` };
      const spec = { completionMode: "Indexed", completions: 3, parallelism: 3 };
      await ns.create(resources.jobs, jobOf(name, map, "indexed work", spec) as KubeObject);
      await ended(name);
    };
    await indexed("first");
    await indexed("second");
    expect(runs()).toEqual(["first", "first", "first"]);
    expect(await plugin.run("forget", "job/second")).toMatchObject({
      code: 0,
      stdout: "Forgot the results of job/second (3 keys).\n",
    });
    await indexed("third");
    expect(runs()).toHaveLength(6);
  });

  test("names all that is wrong at once, and forgets nothing then", async ({ job }) => {
    const { ns, plugin, runs, ...make } = await job.place("forget-wrong");
    await make.pod("known", "any work");
    const elsewhere = jobOf("elsewhere", { "output-uri": "oci://ghcr.io/me/a:v1" }, "true", {
      suspend: true,
    });
    await ns.create(resources.jobs, elsewhere as KubeObject);
    await make.job("plain", "true", {});
    const { code, stderr } = await plugin.run(
      "forget",
      "pod/known",
      "job/never",
      "job/elsewhere",
      "job/plain",
    );
    expect({ code, stderr }).toEqual({
      code: exits.failed,
      stderr:
        "Nothing was forgotten: job/never: no such step is there; once it is deleted, only all results can be forgotten; " +
        "job/elsewhere: it has no output in the OrasCache oras; job/plain: nothing is remembered of it.\n",
    });
    expect((await ns.cache("oras"))?.status?.memo?.forgotten).toBeUndefined();
    await make.pod("again", "any work");
    expect(runs()).not.toContain("again");
    for (const [args, says] of [
      [[], "or all results with --all"],
      [["job/a", "--all"], "or all results with --all"],
      [["known"], '"known" is no step; write job/NAME or pod/NAME'],
    ] as const)
      expect(await plugin.run("forget", ...args)).toMatchObject({
        code: exits.usage,
        stderr: expect.stringContaining(says) as string,
      });
  });

  test("by hand, and two that ask at once, each get their answer", async ({ job }) => {
    const { ns, plugin, ...make } = await job.place("forget-hand");
    await make.job("by-hand", "hand work");
    const asked = (value: string) => ({ metadata: { annotations: { [names.forgetAnnotation]: value } } });
    await ns.patch(resources.orasCaches, "oras", asked("pod/by hand, please"));
    const refused = await until(async () => {
      const [answer] = (await ns.cache("oras"))?.status?.memo?.answers ?? [];
      return answer?.request === "pod/by hand, please" && answer;
    }, "an answer");
    expect(refused.done).toBe(false);
    expect(refused.message).toContain("there are more than two words; allowed are all, or steps");
    const both = await Promise.all([plugin.run("forget", "--all"), plugin.run("forget", "job/by-hand")]);
    expect(both.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
      { code: 0, stderr: "" },
      { code: 0, stderr: "" },
    ]);
    const memo = (await ns.cache("oras"))?.status?.memo;
    expect(memo?.forgottenBefore).toBeGreaterThanOrEqual(1);
  });
});

describe("rerun --refresh", () => {
  test("runs a step whose result is remembered, and what it makes is remembered instead", async ({ job }) => {
    const { ns, plugin, keyOf, ended, runs, ...make } = await job.place("refresh");
    await make.job("first", "work");
    await make.pod("second", "work");
    await make.job("plain", "true", {});
    const { code, stderr } = await plugin.run("rerun", "job/first", "job/plain", "--refresh");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    await ended("first");
    await ended("plain");
    expect(runs().sort()).toEqual(["first", "first", "plain", "plain"]);
    const memo = (await ns.cache("oras"))?.status?.memo;
    expect(memo?.forgotten).toEqual([{ epoch: 1, keys: shortKey(await keyOf("first")) }]);
    await make.job("third", "work");
    expect(runs()).toHaveLength(4);
    const pushed = job.world
      .runsIn("refresh")
      .filter((run) => run.job === "first")
      .at(-1)?.pushed;
    expect(await pusherTo(job.world.url).digest("of/third", "v1")).toBe(pushed);
  });
});

describe("a step with the run in the name of its output", () => {
  test("is compared with what the run before made of it", async ({ job }) => {
    const { ns, plugin, note, ended, keyOf, runs } = await job.place("runs");
    const make = async (run: string, level: string, more: StepAnnotations = {}, spec: object = {}) => {
      const map = { ...memoized, run, "output-uri": "made/of-run:$(RUN)", ...more };
      const plain = podOf("plain", {}, "make it").spec.containers;
      const containers = plain.map((one) => ({ ...one, env: [{ name: "LEVEL", value: level }] }));
      await ns.create(resources.jobs, jobOf(`${run}-make`, map, "", spec, { containers }) as KubeObject);
      await ended(`${run}-make`);
    };
    await make("one", "quick");
    await make("two", "whole");
    const differs = "pod.containers[0].env LEVEL has another value";
    const missed = await note("two-make", "MemoMiss");
    expect(missed).toContain("Since Job one-make of the run one made this output at ");
    expect(missed).toContain(`: ${differs}.`);
    const why = async (what: string) => (await plugin.run("why", what)).stdout;
    /** The time left out. */
    const told = async (what: string) => (await why(what)).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME");
    const than = (run: string) =>
      `Its key is another than that of Job ${run}-make of TIME in the run ${run}:\n    ${differs}\n`;
    expect(await told("job/two-make")).toContain(than("one"));
    expect(await told("made/of-run:two")).toContain(than("one"));
    // The third run takes what the first has made: that is what the fourth is compared with.
    await make("three", "quick");
    await make("four", "whole again");
    expect(runs()).toEqual(["one-make", "two-make", "four-make"]);
    expect(await note("four-make", "MemoMiss")).toContain(
      "Since Job one-make of the run one made this output",
    );
    expect(await told("job/four-make")).toContain(than("one"));
    // Each index is compared with that of the run before.
    const indexed = { completionMode: "Indexed", completions: 2, parallelism: 2 };
    const parts = { "output-uri": "made/parts-$(RUN):$(JOB_COMPLETION_INDEX)" };
    await make("five", "quick", parts, indexed);
    await make("six", "whole", parts, indexed);
    expect(await keyOf("six-make")).not.toBe("");
    for (const index of [0, 1]) expect(await told(`made/parts-six:${index}`)).toContain(than("five"));
  });
});

describe("a cache whose steps are memoized by default", () => {
  test("runs what cannot be, says so, and memoizes the others", async ({ job }) => {
    const { ns, ended, note, runs, ...make } = await job.place("by-default", { workflow: { memoize: "on" } });
    const assumed: StepAnnotations = { "memoize-assume": "tags" };
    const env = [{ name: "LEVEL", valueFrom: { configMapKeyRef: { name: "settings", key: "level" } } }];
    const bare = podOf("bare", withOutput("bare", assumed), "read it", { env });
    await ns.create(resources.pods, bare as KubeObject);
    const { containers } = bare.spec;
    const reads = jobOf("reads", withOutput("reads", assumed), "read it", {}, { containers });
    await ns.create(resources.jobs, reads as KubeObject);
    for (const name of ["reads", "bare"]) {
      expect(await note(name, "NotMemoizable")).toMatch(
        /^Runs, and its result is not remembered\. .*ConfigMap.*memoize-assume/,
      );
      await ended(name);
    }
    for (const each of ["one", "two"]) {
      await make.job(`${each}-job`, "plain work", assumed);
      await make.pod(`${each}-pod`, "plain work of a Pod", assumed);
    }
    expect(runs().sort()).toEqual(["bare", "one-job", "one-pod", "reads"]);
    const told = (await ns.events()).filter(({ reason }) => reason === "NotMemoizable");
    expect(told.map(({ type, regarding }) => `${type} ${regarding.kind} ${regarding.name}`).sort()).toEqual([
      ...["Normal Job reads", "Normal Pod bare"],
    ]);
  });
});

describe("what is remembered", () => {
  test("is no artifact of anybody's: it is listed where it is named", async ({ job }) => {
    const { plugin, keyOf, ...make } = await job.place("lists");
    await make.job("listed", "listed work");
    const key = await keyOf("listed");
    const list = async (...args: string[]) => {
      const { code, stdout, stderr } = await plugin.run("ls", "-o", "name", ...args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return stdout.trim().split("\n");
    };
    const all = await list();
    expect(all).toContain("of/listed:v1");
    expect(all.filter((name) => name.startsWith(names.memoRepository))).toEqual([]);
    expect(await list(names.memoRepository)).toContain(`${names.memoRepository}:${key}`);
  });

  test("goes with the run that made it, and not with one that took it", async ({ job }) => {
    const { plugin, runs, ...make } = await job.place("removes");
    const ofRun = (run: string, repository: string) => ({
      ...memoized,
      ...{ run, "output-uri": `${repository}/$(RUN):v1` },
    });
    await make.job("gone", "work of one", ofRun("one", "made"));
    await make.job("other", "work of two", ofRun("two", "made"));
    await make.job("took", "work of two", ofRun("one", "taken"));
    expect(runs()).toEqual(["gone", "other"]);
    const { code, stdout, stderr } = await plugin.run("rm", "--run", "one");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.trim().split("\n").toSorted()).toEqual([
      ...["Deleted job/gone", "Deleted job/took"],
      "Forgot who made made/one:v1: equal steps run again",
      ...["Removed made/one:v1", "Removed taken/one:v1"],
    ]);
    await make.job("gone-again", "work of one", ofRun("three", "made"));
    await make.job("took-again", "work of two", ofRun("three", "taken"));
    expect(runs()).toEqual(["gone", "other", "gone-again"]);
  });
});
