import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { Trace } from "../../src/cli/lineage/trace.ts";
import { jobOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { makePlugin } from "../support/plugin.ts";
import { until } from "../support/wait.ts";

const makes: StepAnnotations = { "output-uri": "traced/data:1", "output-path": "data" };
const reads: StepAnnotations = {
  ...{ "input-uri": "traced/data:1", "input-path": "/tmp/in", "wait-for-inputs": "true" },
  ...{ "output-uri": "traced/report:1", "output-path": "report" },
};

it("who made an artifact from what is recorded by the operator, and told by trace and why", async ({
  ws,
}) => {
  const plugin = await makePlugin(ws.namespace);
  await ws.apply(jobOf("traced-report", reads, "cat /tmp/in/data >report"));
  await ws.apply(jobOf("traced-data", makes, "echo one >data"));
  expect(await ws.verdict("traced-report")).toBe("Complete");
  const trace = await until(async () => {
    const { code, stdout } = await plugin.run("trace", "traced/report:1", "-o", "json");
    const found = code === 0 ? (JSON.parse(stdout) as Trace) : undefined;
    return found?.source === "provenance" && found.inputs[0]?.source === "provenance" && found;
  }, "the statements");
  const pod = await ws.podOf("traced-report");
  expect(trace).toMatchObject({
    madeBy: { step: "job/traced-report", pod: pod.metadata?.name, node: pod.spec?.nodeName },
    inputs: [{ artifact: "traced/data:1", madeBy: { step: "job/traced-data" } }],
  });
  expect(trace.images).toEqual([expect.stringMatching(/sha256:[a-f0-9]{64}/)]);
  expect(trace.inputs[0]?.digest).toBe(pod.metadata?.annotations?.[names.inputDigestsAnnotation]);

  const before = trace.inputs[0]?.digest ?? "";
  await ws.kubectl("delete", "job", "traced-data", "traced-report");
  // By one kubectl: a process for each may take longer than the two seconds after which an old tag counts.
  const items = [
    jobOf("traced-report", reads, "cat /tmp/in/data >report"),
    jobOf("traced-data", makes, "echo two >data"),
  ];
  await ws.apply({ apiVersion: "v1", kind: "List", items });
  expect(await ws.verdict("traced-report")).toBe("Complete");
  const why = await until(async () => {
    const { stdout } = await plugin.run("why", "job/traced-report");
    return stdout.includes("Since the run") && stdout;
  }, "what has changed");
  expect(why).toMatch(new RegExp(`input .*traced/data:1: ${before.slice(0, 19)} -> sha256:`));
});
