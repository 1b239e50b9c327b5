import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { type Resource, resources } from "../../src/kube/resources.ts";
import { jobOf, keyed, podOf, type StepAnnotations } from "../support/builders.ts";
import { ended, eventOf, jobIn, messageOf, told } from "../support/held-jobs.ts";
import { test as base } from "../support/integration.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { minor, since } from "../support/kubernetes-version.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { until } from "../support/wait.ts";

/** The operator beside the real controllers of Jobs; Pods end as a stand-in of the kubelet says. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
const test = base.extend("world", { scope: "file" }, async ({}, { onCleanup }) => {
  const { world, stop } = await startJobPlane();
  onCleanup(stop);
  return world;
});

const waits: StepAnnotations = { "wait-for-inputs": "true" };

/** Waits until a step that has ended is said to wait for nothing. */
const waitsNoMore = (ns: ObjectsIn, resource: Resource, name: string) =>
  until(async () => {
    const { labels, annotations } = (await ns.read<KubeObject>(resource, name))?.metadata ?? {};
    return (
      labels?.[names.waitingLabel] === "false" && annotations?.[names.waitingForAnnotation] === undefined
    );
  }, `${name} to wait no more`);

describe("a Job that waits", () => {
  test("is held, pinned and resumed", async ({ world }) => {
    const ns = await world.namespace("held");
    await ns.create(resources.jobs, jobOf("step", { ...waits, "input-uri": "held/a:1" }, "true"));
    const job = await told(ns, "step", "False");
    expect(job.spec?.suspend).toBe(true);
    const digest = await world.put("held/a:1", "a");
    expect(await ended(ns, "step")).toBe("Complete");
    expect(world.runsIn("held")).toMatchObject([{ job: "step", pins: [digest] }]);
    expect((await jobIn(ns, "step"))?.metadata?.labels?.[names.waitingLabel]).toBe("false");
  });

  test.for<[string, (namespace: string) => StepAnnotations]>([
    ["service", (namespace) => ({ registry: `http://oras.${namespace}.svc:5000` })],
    ["short", () => ({ registry: "http://oras-0.ORAS:5000" })],
  ])(
    "is held for the step that makes its input, by another name of the registry: %s",
    async ([name, named], { world }) => {
      const ns = await world.namespace(name);
      const earlier = await world.put(`${name}/a:1`, "earlier");
      await ns.create(
        resources.jobs,
        jobOf("makes", { "output-uri": `${name}/a:1` }, "true", { suspend: true }),
      );
      const step = { ...waits, ...named(name), "input-uri": `${name}/a:1` };
      await ns.create(resources.jobs, jobOf("step", step, "true"));
      expect(messageOf(await told(ns, "step", "False"))).toContain("Job makes");
      await ns.patch(resources.jobs, "makes", { spec: { suspend: false } });
      expect(await ended(ns, "step")).toBe("Complete");
      const [run] = world.runsIn(name).filter(({ job }) => job === "step");
      expect(run?.pins).toEqual([expect.stringMatching(/^sha256:/)]);
      expect(run?.pins).not.toEqual([earlier]);
    },
  );

  test.for<[string, StepAnnotations]>([
    ["InputNeverCame", { "wait-timeout": "2s" }],
    ["InputProducerFailed", { "on-producer-failure": "fail" }],
  ])("fails with %s, by the patches of its status alone", async ([reason, more], { world }) => {
    const name = reason.toLowerCase();
    const ns = await world.namespace(name);
    world.break(name, "makes");
    const step = { ...waits, ...more, "input-uri": `${name}/a:1` };
    await ns.create(resources.jobs, jobOf("step", step, "true", { backoffLimit: 0 }));
    if (reason === "InputProducerFailed")
      await ns.create(
        resources.jobs,
        jobOf("makes", { "output-uri": `${name}/a:1` }, "false", { backoffLimit: 0 }),
      );
    expect(await ended(ns, "step")).toBe("Failed");
    const { conditions } = (await jobIn(ns, "step"))?.status ?? {};
    expect(conditions?.find(({ type }) => type === "Failed")).toMatchObject({ reason });
    await waitsNoMore(ns, resources.jobs, "step");
    // Its inputs never were there.
    expect(conditions?.find(({ type }) => type === names.inputsAvailable)).toMatchObject({ status: "False" });
    expect(world.runsIn(name).filter(({ job }) => job === "step")).toEqual([]);
  });

  test("that somebody else ends is said to wait no more", async ({ world }) => {
    const ns = await world.namespace("evicted");
    await ns.create(resources.jobs, jobOf("step", { ...waits, "input-uri": "evicted/a:1" }, "true"));
    const { conditions = [] } = (await told(ns, "step", "False")).status ?? {};
    const at = new Date().toISOString();
    const times = { lastProbeTime: at, lastTransitionTime: at };
    const failure = { type: "FailureTarget", status: "True", reason: "Evicted", message: "", ...times };
    await ns.patchStatus(resources.jobs, "step", { startTime: at, conditions: [...conditions, failure] });
    expect(await ended(ns, "step")).toBe("Failed");
    await waitsNoMore(ns, resources.jobs, "step");
  });

  test.runIf(minor >= since.jobsAreManaged)(
    "whose status another controller writes is told that it waits in vain, and starts all the same",
    async ({ world }) => {
      const ns = await world.namespace("managed");
      const managedBy = "example.com/another";
      const step = { ...waits, "input-uri": "managed/a:1", "wait-timeout": "1s" } as const;
      await ns.create(resources.jobs, jobOf("step", step, "true", { managedBy }));
      expect(await eventOf(ns, "step", "InputNeverCame")).toContain(
        `its status is written by ${managedBy}, as managedBy says`,
      );
      await world.put("managed/a:1", "a");
      await eventOf(ns, "step", "InputsAvailable");
      const job = await jobIn(ns, "step");
      expect(job?.spec?.suspend).toBe(false);
      expect(job?.status).toEqual({});
    },
  );

  test("that has run before, and is suspended again, keeps what it was given", async ({ world }) => {
    const ns = await world.namespace("again");
    const first = await world.put("again/a:1", "first");
    world.break("again", "step");
    const step = { ...waits, "input-uri": "again/a:1" };
    await ns.create(resources.jobs, jobOf("step", step, "false", { backoffLimit: 6 }));
    await until(() => world.runsIn("again").length > 0, "a try");
    await until(
      async () => (await jobIn(ns, "step"))?.status?.startTime,
      "the controller to say that it runs",
    );
    await ns.patch(resources.jobs, "step", { spec: { suspend: true } });
    await until(
      async () =>
        (await jobIn(ns, "step"))?.status?.conditions?.some(
          ({ type, status }) => type === "Suspended" && status === "True",
        ),
      "the Job to be suspended again",
    );
    const startTime = (await jobIn(ns, "step"))?.status?.startTime;
    expect(startTime === undefined).toBe(minor >= since.suspendedJobsForgetStart);
    await world.put("again/a:1", "second");
    const tries = world.runsIn("again").length;
    await ns.patch(resources.jobs, "step", { spec: { suspend: false } });
    await until(() => world.runsIn("again").length > tries, "another try");
    expect(new Set(world.runsIn("again").flatMap(({ pins }) => pins))).toEqual(new Set([first]));
  });
});

test("a Pod that is ended while it waits is said to wait no more", async ({ world }) => {
  const ns = await world.namespace("ended-pod");
  const step = { ...waits, "input-uri": "ended-pod/a:1", "wait-timeout": "1s" } as const;
  await ns.create(resources.pods, podOf("step", step, "true"));
  await waitsNoMore(ns, resources.pods, "step");
  const { phase, conditions } = (await ns.read<V1Pod>(resources.pods, "step"))?.status ?? {};
  expect(phase).toBe("Failed");
  expect(conditions?.find(({ type }) => type === names.inputsAvailable)).toMatchObject({ status: "False" });
});

describe("a Job whose template alone is annotated", () => {
  const makes = (output: string, spec: object = {}) => {
    const { spec: made, ...rest } = jobOf("makes", {}, "true", spec);
    const annotations = keyed({ "output-uri": output, "output-path": "/tmp/out" });
    return {
      ...rest,
      spec: { ...made, template: { ...made?.template, metadata: { annotations } } },
    } as V1Job;
  };

  test("still makes an input between two of its Pods", async ({ world }) => {
    const ns = await world.namespace("between");
    world.break("between", "makes");
    await world.put("between/a:1", "of an earlier run");
    await ns.create(resources.jobs, makes("between/a:1", { backoffLimit: 3 }));
    await until(
      async () => (await jobIn(ns, "makes"))?.status?.failed === 1,
      "its first Pod to have failed, and be counted",
    );
    const step = { ...waits, "input-uri": "between/a:1", "on-producer-failure": "fail" } as const;
    await ns.create(resources.jobs, jobOf("step", step, "true"));
    expect(messageOf(await told(ns, "step", "False"))).toContain("made by Job makes");
    world.mend("between", "makes");
    expect(await ended(ns, "step")).toBe("Complete");
    const pushed = world.runsIn("between").find((run) => run.pushed)?.pushed;
    expect(world.runsIn("between").at(-1)).toMatchObject({ job: "step", pins: [pushed] });
  });

  test("makes an input before it has a Pod", async ({ world }) => {
    const ns = await world.namespace("before");
    await world.put("before/a:1", "of an earlier run");
    await ns.create(resources.jobs, makes("before/a:1", { suspend: true }));
    await ns.create(resources.jobs, jobOf("step", { ...waits, "input-uri": "before/a:1" }, "true"));
    expect(messageOf(await told(ns, "step", "False"))).toContain("made by Job makes");
    await ns.patch(resources.jobs, "makes", { spec: { suspend: false } });
    expect(await ended(ns, "step")).toBe("Complete");
    const pushed = world.runsIn("before").find((run) => run.pushed)?.pushed;
    expect(world.runsIn("before").at(-1)).toMatchObject({ job: "step", pins: [pushed] });
  });
});
