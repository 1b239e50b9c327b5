import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { cacheOf, jobOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

const output = (name: string): StepAnnotations => ({ "output-uri": `jobs/${name}:1`, "output-path": "out" });

const jobAs = async (ws: Workspace, name: string) =>
  JSON.parse(await ws.kubectl("get", "job", name, "-o", "json")) as V1Job;

const policy = (action: string, code: number) => ({
  podFailurePolicy: {
    rules: [{ action, onExitCodes: { containerName: names.pullContainer, operator: "In", values: [code] } }],
  },
});

describe.concurrent("a Job", () => {
  it("whose registry is not there, and then away for a while, needs none of its tries", async ({ ws }) => {
    const step = { ...output("outage"), "oras-cache": "outage" };
    await ws.apply(jobOf("outage", step, "touch up; until [ -e go ]; do sleep 0.1; done; echo kept > out"));
    const pod = (await ws.podOf("outage")).metadata?.name ?? "";
    const waits = async () => (await ws.log(pod, names.pullContainer)).includes("trying again");
    await until(waits, "the pull to wait");
    await ws.apply(cacheOf("outage"));
    const inside = (...command: string[]) => ws.try(["exec", pod, "-c", "main", "--", ...command]);
    await until(async () => (await inside("test", "-e", "/tmp/up")).code === 0, "the program to run");
    await ws.kubectl("delete", "pod", "outage-0", "--grace-period=0", "--force");
    await inside("touch", "/tmp/go");
    expect(await ws.verdict("outage")).toBe("Complete");
    expect((await jobAs(ws, "outage")).status).toMatchObject({ succeeded: 1 });
    expect((await jobAs(ws, "outage")).status?.failed ?? 0).toBe(0);
    const next = { "input-uri": "jobs/outage:1", "oras-cache": "outage" };
    await ws.step("outage-next", next, "cat out");
    expect(await ws.log("outage-next", "main")).toBe("kept\n");
  });

  it("that ignores an exit code of the operator's is tried until its registry is there", async ({ ws }) => {
    const step = { ...output("ignores"), "oras-cache": "ignores", timeout: "1s" };
    await ws.apply(
      jobOf("ignores", step, "echo x > out", policy("Ignore", exitCodes.registryUnavailable.code)),
    );
    await until(async () => {
      const pods = await ws.kubectl("get", "pods", "-l", "job-name=ignores", "-o", "name");
      return pods.trim().split("\n").length > 1;
    }, "a second Pod");
    await ws.apply(cacheOf("ignores"));
    expect(await ws.verdict("ignores")).toBe("Complete");
  });

  it("that fails with an exit code of the operator's is not tried again", async ({ ws }) => {
    const step = { "input-uri": "jobs/missing:1", "input-path": "/tmp/in" };
    const rules = policy("FailJob", exitCodes.inputNotFound.code);
    await ws.apply(jobOf("fails", step, "true", { backoffLimit: 6, ...rules }));
    expect(await ws.verdict("fails")).toBe("Failed");
    const { status } = await jobAs(ws, "fails");
    expect(status).toMatchObject({ failed: 1 });
    expect(status?.conditions?.find(({ type }) => type === "Failed")).toMatchObject({
      reason: "PodFailurePolicy",
      message: expect.stringContaining(`exit code ${exitCodes.inputNotFound.code}`) as string,
    });
  });
});
