import { describe, expect } from "vitest";
import { names } from "../../../schema/names.ts";
import { podOf } from "../../support/builders.ts";
import { operatorIsReady } from "../../support/cluster.ts";
import { it } from "../../support/e2e.ts";
import { kubectl, tryKubectl } from "../../support/kubectl.ts";
import { start } from "../../support/processes.ts";
import { until } from "../../support/wait.ts";
import { workspace } from "../../support/workspace.ts";

const dist = "examples/dist/oras-operator.yaml";
const own = ["--namespace", names.operatorNamespace];

describe("the operator", () => {
  it("operator down: un-annotated Pods are not affected, annotated ones are refused", async ({ ws }) => {
    await kubectl([...own, "scale", `deployment/${names.deployment}`, "--replicas=0"]);
    await until(
      async () => (await kubectl([...own, "get", "pods", "-o", "name"])) === "",
      "the operator to be gone",
    );
    const plain = podOf("plain", {}, "echo unaffected");
    await ws.apply(plain);
    expect((await ws.ended("plain")).status?.phase).toBe("Succeeded");
    expect((await ws.pod("plain")).spec?.containers).toHaveLength(1);
    const annotated = await ws.tryApply(podOf("annotated", { "input-uri": "a/b:c" }, "true"));
    expect(annotated.stderr).toContain(names.podsWebhook);
    await kubectl([...own, "scale", `deployment/${names.deployment}`, "--replicas=2"]);
    await operatorIsReady();
  });

  it("cache: what somebody changes is put back, and a deleted child returns", async ({ ws }) => {
    await ws.kubectl("delete", "service", "oras");
    await ws.kubectl(
      "patch",
      "statefulset",
      "oras",
      "--type=merge",
      "-p",
      '{"spec":{"template":{"metadata":{"labels":{"foreign":"x"}}}}}',
    );
    await until(() => ws.kubectl("get", "service", "oras"), "the Service to return");
    const labels = () =>
      ws.kubectl("get", "statefulset", "oras", "-o", "jsonpath={.spec.template.metadata.labels}");
    await until(async () => !(await labels()).includes("foreign"), "the foreign label to be removed");
    await ws.kubectl("wait", `${names.plural}/oras`, "--for=condition=Available", "--timeout=60s");
  });

  it.for([2, 1])(
    "lif-30: a rollout of the operator with %i replicas refuses no Pod",
    async (replicas, { ws }) => {
      const deployment = `deployment/${names.deployment}`;
      const scaled = async (count: number) => {
        await kubectl([...own, "scale", deployment, `--replicas=${count}`]);
        await kubectl([...own, "rollout", "status", deployment, "--timeout=120s"]);
      };
      await scaled(replicas);
      const pod = JSON.stringify(podOf("any", { "output-uri": "a/b:c", "output-path": "out" }, "true"));
      const told: string[] = [];
      let [admitted, isOver] = [0, false];
      const submit = async () => {
        while (!isOver) {
          const { code, stdout, stderr } = await ws.try(
            ["create", "--dry-run=server", "-o", "json", "-f", "-"],
            pod,
          );
          if (code === 0 && stdout.includes(names.injectedLabel)) admitted++;
          else told.push(stderr || "it was not injected");
        }
      };
      const rollOut = async () => {
        await kubectl([...own, "rollout", "restart", deployment]);
        await kubectl([...own, "rollout", "status", deployment, "--timeout=120s"]);
        // The Pods of before have their grace period.
        const pods = async () =>
          (await kubectl([...own, "get", "pods", "-o", "name"])).trim().split("\n").length;
        await until(async () => (await pods()) === replicas, "the Pods of before to be gone");
        const now = admitted;
        await until(() => admitted > now + 4, "Pods that the new ones admit");
        isOver = true;
      };
      try {
        await Promise.all([rollOut().finally(() => (isOver = true)), submit(), submit(), submit()]);
      } finally {
        await scaled(2);
      }
      expect(told).toEqual([]);
      expect(admitted).toBeGreaterThan(4);
    },
  );

  it("chart: helm install ./chart runs a step, and helm test passes", async () => {
    await kubectl(["delete", "-f", dist, "--wait", "--timeout=120s"]);
    const helm = async (...args: string[]) => {
      const { code, stdout, stderr } = await start(["helm", ...args], { env: process.env }).ended;
      expect(code, stderr).toBe(0);
      return stdout;
    };
    try {
      await helm(
        "install",
        names.operatorName,
        "./chart",
        ...own,
        "--create-namespace",
        "--wait",
        "--timeout=120s",
      );
      const installed = await workspace();
      await installed.step("step", { "output-uri": "e2e/chart:1", "output-pipe": "x" }, "echo by the chart");
      expect(await helm("test", names.operatorName, ...own)).toContain("Phase:          Succeeded");
      await installed.remove();
      await helm("uninstall", names.operatorName, ...own, "--wait");
    } finally {
      await tryKubectl(["delete", "namespace", names.operatorNamespace, "--wait", "--timeout=60s"]);
      await kubectl(["apply", "-f", dist]);
      await operatorIsReady();
    }
  });
});
