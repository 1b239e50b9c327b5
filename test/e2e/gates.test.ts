import type { V1Job, V1Pod } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { jobOf, podOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

const waiting = (inputs: readonly string[], more: StepAnnotations = {}): StepAnnotations => ({
  ...Object.fromEntries(inputs.map((uri, i) => [i === 0 ? "input-uri" : `input-uri_${i}`, uri])),
  ...(inputs.length > 0 && { "wait-for-inputs": "true", "input-path": "/tmp/in" }),
  ...more,
});

const jobAs = async (ws: Workspace, name: string) =>
  JSON.parse(await ws.kubectl("get", "job", name, "-o", "json")) as V1Job;

const conditionOf = ({ status }: V1Job) =>
  status?.conditions?.find(({ type }) => type === names.inputsAvailable);

/** Two branches that meet. */
const diamond = (of: string, word = "seed") => [
  jobOf(
    `${of}-report`,
    waiting([`${of}/left:1`, `${of}/right:1`], {
      "output-uri": `${of}/report:1`,
      "output-path": "report",
    }),
    "cat /tmp/in/left /tmp/in/right >report; sleep 1",
  ),
  jobOf(
    `${of}-right`,
    waiting([`${of}/data:1`], { "output-uri": `${of}/right:1`, "output-path": "right" }),
    "tr a-z A-Z </tmp/in/data >right",
  ),
  jobOf(
    `${of}-left`,
    waiting([`${of}/data:1`], { "output-uri": `${of}/left:1`, "output-path": "left" }),
    "rev </tmp/in/data >left",
  ),
  jobOf(
    `${of}-data`,
    waiting([`${of}/seed:1`], { "output-uri": `${of}/data:1`, "output-path": "data" }),
    "cat /tmp/in/seed >data; echo abc >>data",
  ),
  jobOf(`${of}-seed`, { "output-uri": `${of}/seed:1`, "output-path": "seed" }, `sleep 2; echo ${word} >seed`),
];

/** For one kubectl: a process for each may take longer than the two seconds after which an old tag counts. */
const listOf = (items: readonly object[]) => ({ apiVersion: "v1", kind: "List", items });

describe.concurrent("Jobs that wait for their inputs", () => {
  it("run in the order of their data, applied in the wrong one, and again over the same tags", async ({
    ws,
  }) => {
    for (const round of ["first", "second"]) {
      await ws.apply(listOf(diamond("order")));
      const report = await jobAs(ws, "order-report");
      expect(report.spec?.suspend).toBe(true);
      for (const name of ["seed", "data", "left", "right", "report"])
        expect(await ws.verdict(`order-${name}`), `${name}, ${round} round`).toBe("Complete");
      const ends = await Promise.all(
        ["seed", "data", "left", "report"].map(async (name) => jobAs(ws, `order-${name}`)),
      );
      const starts = ends.map(({ status }) => new Date(status?.startTime ?? 0).getTime());
      expect([...starts].sort((a, b) => a - b)).toEqual(starts);
      expect(conditionOf(await jobAs(ws, "order-report"))).toMatchObject({ status: "True" });
      for (const name of ["seed", "data", "left", "right", "report"])
        await ws.kubectl("delete", "job", `order-${name}`);
    }
  });

  it("run right in random orders, each over the tags of the one before", async ({ ws }) => {
    const whole = { minLength: 5, maxLength: 5 };
    for (const [n, order] of fc.sample(fc.shuffledSubarray([0, 1, 2, 3, 4], whole), 6).entries()) {
      const word = `word${n}`;
      const jobs = diamond("random", word);
      await ws.apply(listOf(order.flatMap((i) => jobs[i] ?? [])));
      for (const { metadata } of jobs)
        expect(await ws.verdict(metadata?.name ?? ""), `${metadata?.name}, order ${order.join()}`).toBe(
          "Complete",
        );
      const turned = [...word].reverse().join("");
      expect(await ws.content("random/report:1", "report"), `order ${order.join()}`).toBe(
        `${turned}\ncba\n${word.toUpperCase()}\nABC\n`,
      );
      for (const { metadata } of jobs) await ws.kubectl("delete", "job", metadata?.name ?? "");
    }
  });

  it("stay suspended when their manifest says otherwise, and start by hand", async ({ ws }) => {
    const step = waiting(["hand/nobody:1"]);
    const job = jobOf("hand", step, "true") as V1Job;
    await ws.apply({ ...job, spec: { ...job.spec, suspend: false } });
    await until(async () => conditionOf(await jobAs(ws, "hand"))?.status === "False", "the condition");
    expect(await ws.apply({ ...job, spec: { ...job.spec, suspend: false } })).toContain("hand");
    expect((await jobAs(ws, "hand")).spec?.suspend).toBe(true);
    await ws.kubectl("annotate", "job", "hand", "--overwrite", `${names.prefix}wait-for-inputs=false`);
    await until(async () => (await jobAs(ws, "hand")).spec?.suspend === false, "the Job to be resumed");
  });

  it("fail when their inputs do not come in time", async ({ ws }) => {
    await ws.apply(jobOf("late", waiting(["late/nobody:1"], { "wait-timeout": "3s" }), "true"));
    expect(await ws.verdict("late")).toBe("Failed");
    const { status } = await jobAs(ws, "late");
    expect(status?.conditions?.find(({ type }) => type === "Failed")).toMatchObject({
      reason: "InputNeverCame",
    });
    expect(status?.failed ?? 0).toBe(0);
  });
});

describe.concurrent("Pods that wait for their inputs", () => {
  it("are scheduled when they are there, with the digest that was there then", async ({ ws }) => {
    await ws.apply(podOf("pod-waits", waiting(["pods/late:1"]), "cat /tmp/in/late"));
    const gated = await ws.pod("pod-waits");
    expect(gated.spec?.schedulingGates).toEqual([{ name: names.inputsGate }]);
    await until(
      async () =>
        (await ws.pod("pod-waits")).status?.conditions?.some(({ type }) => type === names.inputsAvailable),
      "the condition",
    );
    await ws.apply(
      podOf("pod-makes", { "output-uri": "pods/late:1", "output-path": "late" }, "echo now >late"),
    );
    await ws.succeeded("pod-waits");
    expect(await ws.log("pod-waits", "main")).toBe("now\n");
    const opened = await ws.pod("pod-waits");
    expect(opened.metadata?.annotations?.[names.inputDigestsAnnotation]).toMatch(/^sha256:[a-f0-9]{64}$/);
    expect(opened.metadata?.labels?.[names.waitingLabel]).toBe("false");
  });

  it("fail when their inputs do not come in time", async ({ ws }) => {
    await ws.apply(podOf("pod-late", waiting(["pods/nobody:1"], { "wait-timeout": "3s" }), "true"));
    const ended = await ws.ended("pod-late");
    expect(ended.status).toMatchObject({ phase: "Failed", reason: "InputNeverCame" });
    expect(ended.spec?.nodeName).toBeUndefined();
  });

  it("of an Indexed Job start each when its own input is there", async ({ ws }) => {
    const step = waiting(["indexed/part-$(JOB_COMPLETION_INDEX):1"]);
    const indexed = { completionMode: "Indexed", completions: 2, parallelism: 2 } as const;
    await ws.apply(jobOf("indexed", step, "cat /tmp/in/part", indexed));
    const ends = async (index: number) => {
      const pods = JSON.parse(
        await ws.kubectl(
          "get",
          "pods",
          "-l",
          `job-name=indexed,batch.kubernetes.io/job-completion-index=${index}`,
          "-o",
          "json",
        ),
      ) as { items: V1Pod[] };
      return pods.items[0]?.status?.phase;
    };
    await until(async () => (await ends(1)) === "Pending", "the second Pod");
    await ws.apply(
      podOf("makes-1", { "output-uri": "indexed/part-1:1", "output-path": "part" }, "echo 1 >part"),
    );
    await until(async () => (await ends(1)) === "Succeeded", "the second Pod to end");
    expect(await ends(0)).toBe("Pending");
    await ws.apply(
      podOf("makes-0", { "output-uri": "indexed/part-0:1", "output-path": "part" }, "echo 0 >part"),
    );
    expect(await ws.verdict("indexed")).toBe("Complete");
  });
});
