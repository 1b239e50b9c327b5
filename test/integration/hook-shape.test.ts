import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Container, V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { controlPlaneProgram } from "../../dev/cluster/binaries.ts";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { rulesOf } from "../../src/kube/permissions.ts";
import { jobOf, podOf } from "../support/builders.ts";
import { operatorUser } from "../support/control-plane.ts";
import { test as base } from "../support/integration.ts";
import { minor } from "../support/kubernetes-version.ts";
import { asksNobody, metric, type Operator, ready, startOperator } from "../support/operator.ts";
import { start } from "../support/processes.ts";
import { until } from "../support/wait.ts";
import { injecting, installWebhooks } from "../support/webhooks.ts";

const pods = "/api/v1/namespaces/default/pods";
const jobs = "/apis/batch/v1/namespaces/default/jobs";
const step = { "input-uri": "a/in:1", "output-uri": "a/out:1", "output-path": "out" } as const;
const becameInit = "Pods get an init container";
const becameHook = "Pods that allow it get no init container";

const test = base
  .extend("operator", { scope: "file" }, async ({ plane, installed }, { onCleanup }) => {
    const operator = await startOperator(plane.operatorKubeconfig, ...asksNobody, "--pod-shape", "auto");
    onCleanup(async () => {
      await operator.stop();
    });
    await installWebhooks(installed, operator.webhookPort);
    await ready(operator, installed);
    await injecting(installed);
    await installed.request({
      method: "POST",
      path: "/api/v1/namespaces/default/serviceaccounts",
      body: { metadata: { name: "default" } },
    });
    return operator;
  })
  /** The same in a cluster with one node, that can run Pods without an init container. */
  .extend("hooked", { scope: "file" }, async ({ installed, operator }) => {
    await allow(installed);
    await node(installed, "new", "v1.36.3");
    await until(async () => (await shapeNow(installed)) === "hook" || undefined, "the other shape");
    return operator;
  })
  .extend("kubectl", { scope: "file" }, async ({ plane, folder }) => {
    const program = await controlPlaneProgram("kubectl");
    let n = 0;
    return async (args: string[], manifest: object) => {
      const file = join(folder, `${n++}.json`);
      writeFileSync(file, JSON.stringify(manifest));
      const env = { ...process.env, KUBECONFIG: plane.kubeconfig };
      return start([program, ...args, "-f", file], { env }).ended;
    };
  });

/** The permissions that come with the option. */
async function allow(client: KubeClient): Promise<void> {
  const metadata = { name: `${operatorUser}-pod-shape` };
  const apiGroup = "rbac.authorization.k8s.io";
  const post = (kind: string, body: object) =>
    client.request({ method: "POST", path: `/apis/${apiGroup}/v1/${kind}`, body });
  await post("clusterroles", { metadata, rules: rulesOf("pod-shape") });
  await post("clusterrolebindings", {
    metadata,
    subjects: [{ kind: "User", apiGroup, name: operatorUser }],
    roleRef: { apiGroup, kind: "ClusterRole", name: metadata.name },
  });
}

/** A node whose kubelet says that it is of a version. */
async function node(client: KubeClient, name: string, kubeletVersion: string): Promise<void> {
  await client.request({ method: "POST", path: "/api/v1/nodes", body: { metadata: { name } } });
  const nodeInfo = {
    ...{ architecture: "amd64", bootID: "", containerRuntimeVersion: "", kernelVersion: "", machineID: "" },
    ...{ kubeProxyVersion: "", osImage: "", systemUUID: "", operatingSystem: "linux", kubeletVersion },
  };
  await client.request({
    method: "PATCH",
    path: `/api/v1/nodes/${name}/status`,
    contentType: "application/merge-patch+json",
    body: { status: { nodeInfo } },
  });
}

async function create<T>(client: KubeClient, path: string, body: object, dryRun = false): Promise<T> {
  return client.request<T>({ method: "POST", path, body, ...(dryRun && { query: { dryRun: "All" } }) });
}

function shapeOf({ spec }: { readonly spec?: { readonly containers: V1Container[] } | undefined }): string {
  return spec?.containers[0]?.command?.[1] === "serve" ? "hook" : "init";
}

async function shapeNow(client: KubeClient): Promise<string> {
  return shapeOf(await create<V1Pod>(client, pods, podOf("probe", step), true));
}

const told = (operator: Operator, message: string) => operator.log.filter((line) => line.message === message);

describe("the shape of Pods follows the cluster", () => {
  test("without the permission to see it, Pods get an init container, which is said once", async ({
    installed,
    operator,
  }) => {
    await until(() => operator.said(becameInit), "the reason");
    expect(await shapeNow(installed)).toBe("init");
    expect(told(operator, becameInit)).toHaveLength(1);
    expect(operator.said(becameInit)).toMatchObject({
      podShape: "init",
      reason: expect.stringContaining("403"),
    });
    expect(operator.log.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  });

  test.skipIf(minor >= names.hookShapeMinor)(
    "an older API server is named as the reason, whatever the nodes are",
    async ({ installed, operator }) => {
      await allow(installed);
      await node(installed, "new", "v1.36.3");
      // In between it may say that it cannot list nodes: it asks for these and for the metrics by themselves.
      const reason = () => String(told(operator, becameInit).at(-1)?.["reason"]);
      await until(() => reason().includes("the feature gate EnvFiles"), "the other reason");
      expect(reason()).toContain("the API server ");
      expect(await shapeNow(installed)).toBe("init");
    },
  );

  test.runIf(minor >= names.hookShapeMinor)(
    "the API server's own metrics name what is needed, and an older node takes the shape back",
    async ({ installed, hooked }) => {
      // The log is written after a review is answered, and a node is there before it says its version.
      await until(() => hooked.said(becameHook), "the word of it");
      expect(told(hooked, becameHook)).toHaveLength(1);
      await node(installed, "old", "v1.34.2");
      await until(async () => (await shapeNow(installed)) === "init" || undefined, "the init container");
      await expect
        .poll(() => told(hooked, becameInit).at(-1))
        .toMatchObject({ reason: "the kubelet of node old is v1.34.2" });
      await installed.request({ method: "DELETE", path: "/api/v1/nodes/old" });
      await until(async () => (await shapeNow(installed)) === "hook" || undefined, "the other shape");
    },
  );
});

describe.runIf(minor >= names.hookShapeMinor)("what is stored without an init container", () => {
  test.for([
    ["client-side", []],
    ["server-side", ["--server-side"]],
  ] as const)(
    "stays as it is when it is applied again, %s",
    async ([side, how], { installed, hooked: _, kubectl }) => {
      for (const [path, manifest] of [
        [pods, podOf(`again-${side}`, step)],
        [jobs, jobOf(`again-${side}`, step)],
      ] as const) {
        const once = await kubectl(["apply", ...how], manifest);
        expect(once.code, once.stderr).toBe(0);
        const read = () => installed.request<V1Pod & V1Job>({ path: `${path}/again-${side}` });
        const { spec, metadata } = await read();
        expect(shapeOf(spec?.template ?? { spec })).toBe("hook");
        const again = await kubectl(["apply", ...how], manifest);
        expect(again.code, again.stderr).toBe(0);
        const after = await read();
        expect(after.spec).toEqual(spec);
        expect(after.metadata?.annotations).toEqual(metadata?.annotations);
      }
    },
  );

  test("is restored whole by kubectl replace, and by a client that drops what it does not know", async ({
    installed,
    hooked: _,
    kubectl,
  }) => {
    const manifest = podOf("replaced", step);
    expect((await kubectl(["create"], manifest)).code).toBe(0);
    const read = () => installed.request<V1Pod>({ path: `${pods}/replaced` });
    const stored = await read();
    const replaced = await kubectl(["replace"], manifest);
    expect(replaced.code, replaced.stderr).toBe(0);
    expect((await read()).spec).toEqual(stored.spec);
    expect((await read()).metadata?.annotations).toMatchObject({
      "kubectl.kubernetes.io/default-container": "main",
    });
    const older = JSON.parse(JSON.stringify(await read()), (key, value: unknown) =>
      ["fileKeyRef", "restartPolicyRules"].includes(key) ? undefined : value,
    ) as V1Pod;
    await installed.request({ method: "PUT", path: `${pods}/replaced`, body: older });
    expect((await read()).spec).toEqual(stored.spec);
  });

  test("is as quiet: the webhook is not asked about the Pods of a Job, also behind a native sidecar", async ({
    installed,
    hooked,
  }) => {
    const calls = () => metric(hooked, "controller_runtime_webhook_requests_total");
    const sidecar = { name: "mesh", image: "x", restartPolicy: "Always" };
    for (const initContainers of [[], [sidecar]]) {
      const name = `quiet-${initContainers.length}`;
      const job = await create<V1Job>(installed, jobs, jobOf(name, step, "true", {}, { initContainers }));
      const before = await calls();
      const template = job.spec?.template;
      const made = await create<V1Pod>(installed, pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          ...template?.metadata,
          name: `${name}-1`,
          ownerReferences: [
            {
              ...{ apiVersion: "batch/v1", kind: "Job", name, controller: true },
              uid: job.metadata?.uid ?? "",
            },
          ],
        },
        spec: template?.spec,
      });
      expect(shapeOf(made)).toBe("hook");
      expect(await calls()).toBe(before);
    }
  });

  test("is refused with a field of the author's that the operator needs", async ({
    installed,
    hooked: _,
  }) => {
    const env = [{ name: names.readyVariable, value: "x" }];
    await expect(create(installed, pods, podOf("reserved", step, "true", { env }), true)).rejects.toThrow(
      names.readyVariable,
    );
  });
});
