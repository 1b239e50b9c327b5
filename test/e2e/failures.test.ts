import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf, jobOf, podOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { failuresOf } from "../support/pages.ts";
import { until } from "../support/wait.ts";
import { type Workspace, workspace } from "../support/workspace.ts";

/** Waits until an OrasCache is not ready for a reason, and returns its message. */
async function whyNot(ws: Workspace, cache: string, reason: string): Promise<string> {
  return until(async () => {
    const { status } = JSON.parse(
      await ws.kubectl("get", names.plural, cache, "-o", "json"),
    ) as StoredOrasCache;
    const ready = status?.conditions?.find(({ type }) => type === "Ready");
    return ready?.reason === reason ? ready.message : undefined;
  }, `${cache} to be ${reason}`);
}

const rowsOf = (page: string) => failuresOf(`docs/how-to/${page}.md`).join("\n");

describe.concurrent("what how-to pages say that you see", () => {
  it("volume: a StorageClass that is not there", async ({ ws }) => {
    const storage = { persistentVolumeClaim: { size: "1Gi", storageClassName: "no-such-class" } };
    await ws.apply(cacheOf("no-class", { storage }));
    expect(await whyNot(ws, "no-class", "Unschedulable")).toContain("PersistentVolumeClaims");
    expect(rowsOf("volume")).toMatch(/`Unschedulable`.*PersistentVolumeClaims/);
  });

  it("nodes: a PriorityClass that is not there, and labels that no node has", async ({ ws }) => {
    await ws.apply(cacheOf("no-priority", { priorityClassName: "no-such-priority" }));
    expect(await whyNot(ws, "no-priority", "PodRefused")).toContain("no-such-priority");
    await ws.apply(cacheOf("no-node", { nodeSelector: { "example.org/no-such": "label" } }));
    await whyNot(ws, "no-node", "Unschedulable");
    expect(rowsOf("nodes")).toMatch(/`PodRefused`.*PriorityClass/);
  });

  it("cert-manager: a Secret that is not issued yet", async ({ ws }) => {
    // As the operator's Pods mount it.
    const volumes = [{ name: "certificate", secret: { secretName: "not-issued" } }];
    const volumeMounts = [{ name: "certificate", mountPath: "/certificate" }];
    await ws.apply(podOf("no-certificate", {}, "true", { volumeMounts }, { volumes }));
    await until(
      async () => (await ws.kubectl("describe", "pod", "no-certificate")).includes("FailedMount"),
      "the Event of the Pod",
    );
    expect(rowsOf("cert-manager")).toContain("`FailedMount`");
  });

  it("resources: a program that needs more memory", async ({ ws }) => {
    const resources = { limits: { memory: "32Mi" } };
    await ws.apply(podOf("much", {}, "exec tail /dev/zero", { resources }, { restartPolicy: "Never" }));
    const ended = "jsonpath={.status.containerStatuses[0].state.terminated}";
    await until(async () => {
      const words = await ws.kubectl("get", "pod", "much", "-o", ended);
      return words.includes("OOMKilled") && words.includes("137");
    }, "the end of the program");
    expect(rowsOf("resources")).toMatch(/137.*`OOMKilled`/);
  });

  it("resources: a quota that a step exceeds", async ({ onTestFinished }) => {
    const bounded = await workspace();
    onTestFinished(bounded.remove);
    // The registry has the one Pod that there may be.
    const spec = { hard: { pods: "1" } };
    await bounded.apply({ apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "small" }, spec });
    await bounded.kubectl(
      "wait",
      "resourcequota/small",
      "--for=jsonpath={.status.used.pods}=1",
      "--timeout=60s",
    );
    await bounded.apply(jobOf("beyond", { "output-uri": "a/b:1", "output-pipe": "out" }, "true"));
    await until(
      async () => (await bounded.kubectl("describe", "job", "beyond")).includes("exceeded quota: small"),
      "the Event of the Job",
    );
    expect(rowsOf("resources")).toContain("`exceeded quota`");
  });
});
