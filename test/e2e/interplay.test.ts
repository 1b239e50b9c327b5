import type { V1Container, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { podOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { kubectl } from "../support/kubectl.ts";
import { meshSidecar } from "../support/mesh.ts";
import { orderOf, orderWith } from "../support/pod-shape.ts";
import type { Workspace } from "../support/workspace.ts";

it.beforeAll(async ({ ws }) => {
  const runtimeClass = {
    apiVersion: "node.k8s.io/v1",
    kind: "RuntimeClass",
    metadata: { name: ws.namespace },
  };
  await kubectl(["create", "-f", "-"], JSON.stringify({ ...runtimeClass, handler: "runc" }));
  await ws.step("seed", { "output-uri": "seed:1", "output-path": "in" }, "echo seed > in");
  return () => kubectl(["delete", "runtimeclass", ws.namespace]);
});

/** What the API server would make of a Pod, without keeping it. */
async function planned(ws: Workspace, pod: V1Pod): Promise<V1Pod> {
  const args = ["--namespace", ws.namespace, "create", "--dry-run=server", "-o", "json", "-f", "-"];
  return JSON.parse(await kubectl(args, JSON.stringify(pod))) as V1Pod;
}

const work = {
  container: { workingDir: "/work", volumeMounts: [{ name: "work", mountPath: "/work" }] },
  spec: { volumes: [{ name: "work", emptyDir: {} }] },
};

describe.concurrent("what else is in a Pod", () => {
  it("native sidecar before the added containers: inputs and output go through it, and it ends after the push", async ({
    open: ws,
  }) => {
    await ws.step("seed", { "output-uri": "seed:1", "output-path": "in" }, "echo seed > in");
    const port = 15001;
    const pod = await ws.step(
      "sidecar",
      {
        "input-uri": "seed:1",
        "output-uri": "sidecar:1",
        "output-path": "out",
        registry: `http://127.0.0.1:${port}`,
      },
      "cat in in > out",
      {},
      { initContainers: [meshSidecar(ws.namespace, port)] },
    );
    expect(orderOf(pod)).toEqual(orderWith({ init: ["proxy"] }));
    expect(await ws.content("sidecar:1", "out")).toBe("seed\nseed\n");
  });

  it("classic sidecar, which ends when the program tells it to: the output is pushed all the same", async ({
    ws,
  }) => {
    const map = { "input-uri": "seed:1", "output-uri": "classic:1", "output-path": "out" };
    const pod = podOf("classic", map, "cat in > out; touch quit", work.container, work.spec);
    const proxy: V1Container = {
      name: "proxy",
      image: "busybox:1.36",
      command: ["sh", "-c", "until [ -e quit ]; do sleep 0.1; done"],
      ...work.container,
    };
    pod.spec.containers.unshift(proxy);
    const annotations = { ...pod.metadata.annotations, "kubectl.kubernetes.io/default-container": "main" };
    await ws.apply({ ...pod, metadata: { ...pod.metadata, annotations } });
    const { spec } = await ws.succeeded("classic");
    expect(spec?.containers.map(({ name }) => name)).toEqual(["proxy", "main", names.pushContainer]);
    expect(await ws.content("classic:1", "out")).toBe("seed\n");
  });

  it("user's own init containers: run before the added ones, see no inputs, and the program finds what they made", async ({
    ws,
  }) => {
    const own = (name: string, script: string): V1Container => ({
      name,
      image: "busybox:1.36",
      command: ["sh", "-c", script],
      ...work.container,
    });
    const pod = await ws.step(
      "own-init",
      { "input-uri": "seed:1", "output-uri": "own-init:1", "output-path": "out" },
      "cat made in > out",
      work.container,
      {
        ...work.spec,
        initContainers: [
          own("first", "[ ! -e /mnt/oras ] && echo made > made"),
          own("second", "ls > made; [ ! -e /mnt/oras ]"),
        ],
      },
    );
    expect(orderOf(pod)).toEqual(orderWith({ init: ["first", "second"] }));
    expect(await ws.content("own-init:1", "out")).toBe("made\nseed\n");
  });

  it("containers with the names of the added ones: both run, and the author's are left as they are", async ({
    ws,
  }) => {
    const theirs = (name: string): V1Container => ({
      name,
      image: "busybox:1.36",
      command: ["echo", "theirs"],
    });
    const pod = podOf(
      "names",
      { "input-uri": "seed:1", "output-uri": "names:1", "output-path": "in" },
      "true",
    );
    pod.spec?.containers.push(theirs(names.pushContainer));
    await ws.apply({ ...pod, spec: { ...pod.spec, initContainers: [theirs(names.pullContainer)] } });
    expect((await ws.ended("names")).status?.phase).toBe("Succeeded");
    expect(await ws.content("names:1", "in")).toBe("seed\n");
    for (const name of [names.pullContainer, names.pushContainer]) {
      expect(await ws.log("names", name)).toBe("theirs\n");
    }
  });

  it("shareProcessNamespace beside a password: refused until the user is another one, who reads no credentials", async ({
    ws,
  }) => {
    const password = "s3cret-of-the-registry";
    await ws.apply({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "credentials" },
      stringData: { ORAS_USER: "somebody", ORAS_PUSH_PASS: password },
    });
    const look = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/root/var/run/oras/*/* 2>&1";
    const map: StepAnnotations = {
      "output-uri": "shared:1",
      "output-path": "out",
      "oras-env": "credentials",
    };
    const script = `until ps | grep -Eq '[/]agent (push|serve) --share'; do sleep 0.1; done; ${look} | tr '\\0' '\\n'; ps | grep -Ec '/agent (push|serve)' > out`;
    const spec = { ...work.spec, shareProcessNamespace: true };
    const { code, stderr } = await ws.tryApply(podOf("shared", map, script, work.container, spec));
    expect(code).toBe(1);
    expect(stderr).toContain("spec.shareProcessNamespace");
    const another = {
      ...work.container,
      securityContext: { runAsUser: 1234, allowPrivilegeEscalation: false },
    };
    await ws.step("shared", map, script, another, spec);
    // It does see the other container's process.
    expect(await ws.content("shared:1", "out")).toBe("1\n");
    expect(await ws.log("shared", "main")).toMatch(/\/agent\n(push|serve)\n/);
    expect(await ws.log("shared", "main")).not.toContain(password);
  });

  it("subdomain: is kept, and so is the Pod's name in the DNS", async ({ ws }) => {
    const subdomain = "workers";
    const metadata = { name: subdomain };
    const spec = { clusterIP: "None", selector: { app: subdomain }, publishNotReadyAddresses: true };
    await ws.apply({ apiVersion: "v1", kind: "Service", metadata, spec });
    const pod = await ws.step(
      "member",
      { "output-uri": "subdomain:1", "output-path": "out" },
      "hostname -f > out",
      {},
      { hostname: "member-0", subdomain },
    );
    expect(pod.spec).toMatchObject({ hostname: "member-0", subdomain });
    expect(await ws.content("subdomain:1", "out")).toBe(
      `member-0.${subdomain}.${ws.namespace}.svc.cluster.local\n`,
    );
  });

  it("hostNetwork with ClusterFirstWithHostNet: finds the cache", async ({ ws }) => {
    await ws.step(
      "host-network",
      { "input-uri": "seed:1", "output-uri": "host-network:1", "output-path": "in" },
      "true",
      {},
      { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" },
    );
    expect(await ws.content("host-network:1", "in")).toBe("seed\n");
  });

  it("hostNetwork without it: kubectl apply refuses it and says what to write", async ({ ws }) => {
    const { code, stderr } = await ws.tryApply(
      podOf("no-cluster-dns", { "input-uri": "seed:1" }, "true", {}, { hostNetwork: true }),
    );
    expect(code).toBe(1);
    expect(stderr).toContain(
      'spec.dnsPolicy: found "ClusterFirst" with hostNetwork: true; allowed is "ClusterFirstWithHostNet"',
    );
  });

  it("runtimeClassName: the added containers run under it too", async ({ ws }) => {
    const pod = await ws.step(
      "runtime",
      { "input-uri": "seed:1", "output-uri": "runtime:1", "output-path": "in" },
      "true",
      {},
      { runtimeClassName: ws.namespace },
    );
    expect(pod.spec?.runtimeClassName).toBe(ws.namespace);
    expect(await ws.content("runtime:1", "in")).toBe("seed\n");
  });
});

describe.concurrent("resources", () => {
  const amounts = { cpu: "100m", memory: "64Mi" };
  it.for([
    ["Guaranteed", { requests: amounts, limits: amounts }],
    ["Burstable", { requests: amounts }],
    ["Burstable", { limits: { memory: "64Mi" } }],
    ["BestEffort", {}],
  ] as const)("QoS class %s of a container with %j: is kept", async ([qosClass, resources], { ws }) => {
    const name = `qos-${Object.keys(resources).join("-")}-${qosClass}`.toLowerCase();
    const map = { "input-uri": "seed:1", "output-uri": `qos:${name}`, "output-path": "in" };
    const before = await planned(ws, podOf(name, {}, "true", { resources }));
    expect(before.status?.qosClass).toBe(qosClass);
    const after = await ws.step(name, map, "true", { resources });
    expect(after.spec?.containers).toHaveLength(2);
    expect(after.status?.qosClass).toBe(qosClass);
    expect(await ws.content(`qos:${name}`, "in")).toBe("seed\n");
  });

  it("resources of the Pod as a whole: the added containers have none, and the QoS class is kept", async ({
    ws,
  }) => {
    // Newer than the types of the client.
    const spec = { resources: { requests: amounts, limits: amounts } } as Partial<V1PodSpec>;
    const map = { "input-uri": "seed:1", "output-uri": "pod-level:1", "output-path": "in" };
    const before = await planned(ws, podOf("pod-level", {}, "true", {}, spec));
    const pod = await ws.step("pod-level", map, "true", {}, spec);
    const { containers = [], initContainers = [] } = pod.spec ?? {};
    expect(orderOf(pod)).toEqual(orderWith({}));
    for (const { resources } of [...containers, ...initContainers]) expect(resources).toEqual({});
    expect(pod.status?.qosClass).toBe(before.status?.qosClass);
    expect(pod.status?.qosClass).toBe("Guaranteed");
    expect(await ws.content("pod-level:1", "in")).toBe("seed\n");
  });
});
