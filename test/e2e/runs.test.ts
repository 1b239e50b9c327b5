import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { stringify } from "yaml";
import { exits } from "../../src/cli/exits.ts";
import { jobOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { temporaryFolder } from "../support/folders.ts";
import { makePlugin, type Plugin } from "../support/plugin.ts";

async function done(plugin: Plugin, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await plugin.run(...args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout.trim().split("\n");
}

/** The reader is written first. */
function workflow(script = "cat /proc/sys/kernel/random/uuid > out"): string {
  const reader = {
    "input-uri": "runs/$(RUN):made",
    "wait-for-inputs": "true",
    "input-path": "/tmp/in",
    "output-uri": "runs/$(RUN):read",
    "output-path": "/tmp/in/out",
  };
  const jobs = [
    jobOf("read", reader, "cat /tmp/in/out"),
    jobOf("make", { "output-uri": "runs/$(RUN):made", "output-path": "out" }, script),
  ];
  const folder = temporaryFolder("workflow");
  for (const job of jobs) writeFileSync(join(folder, `${job.metadata?.name}.yaml`), stringify(job));
  return folder;
}

describe("a workflow as a run", () => {
  it("is applied, waited for, run again and removed by its name", async ({ ws }) => {
    const plugin = await makePlugin(ws.namespace);
    const folder = workflow();
    for (const run of ["one", "two"]) await done(plugin, "apply", "-f", folder, "--run", run, "--prefix");
    const all = ["job/one-read", "job/one-make", "job/two-read", "job/two-make"];
    const ended = await done(plugin, "wait", ...all);
    expect(ended.toSorted()).toEqual(
      ["4 steps succeeded", ...all.map((step) => `${step} succeeded`)].toSorted(),
    );
    const made = await ws.content("runs/one:made", "out");
    expect(await ws.content("runs/one:read", "out")).toBe(made);
    expect(await ws.content("runs/two:made", "out")).not.toBe(made);

    expect(await done(plugin, "rerun", "job/one-make", "--downstream")).toEqual([
      "job/one-make runs again",
      "job/one-read runs again",
    ]);
    await done(plugin, "wait", "job/one-make", "job/one-read");
    const again = await ws.content("runs/one:made", "out");
    expect(again).not.toBe(made);
    expect(await ws.content("runs/one:read", "out")).toBe(again);

    expect(await done(plugin, "rm", "--run", "one", "--dry-run")).toContain("Would delete job/one-make");
    expect((await done(plugin, "rm", "--run", "one")).toSorted()).toEqual([
      ...["Deleted job/one-make", "Deleted job/one-read", "Removed runs/one:made", "Removed runs/one:read"],
    ]);
    expect(await ws.kubectl("get", "jobs", "-o", "name")).toBe("job.batch/two-make\njob.batch/two-read\n");
    expect(await ws.isPushed("runs/one:made")).toBe(false);
    expect(await ws.isPushed("runs/two:made")).toBe(true);
    expect((await plugin.run("rm", "--run", "one")).code).toBe(exits.notFound);
  });

  it("that fails is told with its log, and with what cannot start any more", async ({ ws }) => {
    const plugin = await makePlugin(ws.namespace);
    await done(plugin, "apply", "-f", workflow("echo no seed to be found; exit 3"), "--run", "bad");
    const { code, stdout, stderr } = await plugin.run("wait", "job/read", "job/make");
    expect(code).toBe(exits.failed);
    expect(stdout).toMatch(/^job\/make failed: /);
    expect(stdout).toMatch(
      /\n {2}The end of the log of the container main of pod\/make-\w+:\n(.*\n)*? {4}no seed to be found\n/,
    );
    expect(stdout).toMatch(/\njob\/read cannot start: job\/make failed\n$/);
    expect(stderr).toMatch(/^Not all steps succeeded: 1 failed, 1 \w+\.\n$/);
  });
});
