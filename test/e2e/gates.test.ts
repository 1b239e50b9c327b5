import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { jobOf, type StepAnnotations } from "../support/builders.ts";
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
const diamond = (of: string) => [
  jobOf(
    `${of}-report`,
    waiting([`${of}/left:1`, `${of}/right:1`]),
    "cat /tmp/in/left /tmp/in/right; sleep 1",
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
  jobOf(`${of}-seed`, { "output-uri": `${of}/seed:1`, "output-path": "seed" }, "sleep 2; echo seed >seed"),
];

describe.concurrent("Jobs that wait for their inputs", () => {
  it("run in the order of their data, applied in the wrong one, and again over the same tags", async ({
    ws,
  }) => {
    for (const round of ["first", "second"]) {
      for (const job of diamond("order")) await ws.apply(job);
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
