import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { cacheOf, jobOf, pullerOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

const output = (name: string): StepAnnotations => ({ "output-uri": `jobs/${name}:1`, "output-path": "out" });

const jobAs = async (ws: Workspace, name: string) =>
  JSON.parse(await ws.kubectl("get", "job", name, "-o", "json")) as V1Job;

const policy = (action: string, code: number, container: { containerName?: string }) => ({
  podFailurePolicy: { rules: [{ action, onExitCodes: { ...container, operator: "In", values: [code] } }] },
});
/** One that names a container which is not in every shape of a Pod, and one that means them all. */
const whose = [
  ["of the container that pulls", { containerName: names.pullContainer }],
  ["of any container", {}],
] as const;

describe.concurrent("a Job", () => {
  it("whose registry is not there, and then away for a while, needs none of its tries", async ({ ws }) => {
    const step = { ...output("outage"), "oras-cache": "outage" };
    await ws.apply(jobOf("outage", step, "touch up; until [ -e go ]; do sleep 0.1; done; echo kept > out"));
    const made = await ws.podOf("outage");
    const pod = made.metadata?.name ?? "";
    const waits = async () => (await ws.log(pod, pullerOf(made))).includes("trying again");
    await until(waits, "the pull to wait");
    await ws.apply(cacheOf("outage"));
    const inside = (...command: string[]) => ws.try(["exec", pod, "-c", "main", "--", ...command]);
    await until(async () => (await inside("test", "-e", "/tmp/up")).code === 0, "the program to run");
    // Gone when kubectl returns: one that is deleted by force takes what comes in its last moments, and loses it.
    await ws.kubectl("delete", "pod", "outage-0", "--now");
    await inside("touch", "/tmp/go");
    expect(await ws.verdict("outage")).toBe("Complete");
    expect((await jobAs(ws, "outage")).status).toMatchObject({ succeeded: 1 });
    expect((await jobAs(ws, "outage")).status?.failed ?? 0).toBe(0);
    const next = { "input-uri": "jobs/outage:1", "oras-cache": "outage" };
    await ws.step("outage-next", next, "cat out");
    expect(await ws.log("outage-next", "main")).toBe("kept\n");
  });

  it.for(whose)(
    "that ignores an exit code %s is tried until its registry is there",
    async ([of, container], { ws }) => {
      const name = `ignores-${of.split(" ").at(1)}`;
      const step = { ...output(name), "oras-cache": name, timeout: "1s" };
      const rules = policy("Ignore", exitCodes.registryUnavailable.code, container);
      await ws.apply(jobOf(name, step, "echo x > out", rules));
      await until(async () => {
        const pods = await ws.kubectl("get", "pods", "-l", `job-name=${name}`, "-o", "name");
        return pods.trim().split("\n").length > 1;
      }, "a second Pod");
      await ws.apply(cacheOf(name));
      expect(await ws.verdict(name)).toBe("Complete");
    },
  );

  it.for(whose)("that fails with an exit code %s is not tried again", async ([of, container], { ws }) => {
    const name = `fails-${of.split(" ").at(1)}`;
    const step = { "input-uri": "jobs/missing:1", "input-path": "/tmp/in" };
    const rules = policy("FailJob", exitCodes.inputNotFound.code, container);
    await ws.apply(jobOf(name, step, "true", { backoffLimit: 6, ...rules }));
    expect(await ws.verdict(name)).toBe("Failed");
    const { status } = await jobAs(ws, name);
    expect(status).toMatchObject({ failed: 1 });
    expect(status?.conditions?.find(({ type }) => type === "Failed")).toMatchObject({
      reason: "PodFailurePolicy",
      message: expect.stringContaining(`exit code ${exitCodes.inputNotFound.code}`) as string,
    });
  });
});
