import type { V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exitCodes } from "../../generated/exit-codes.ts";
import { names } from "../../generated/names.ts";
import { endOf, type StepAnnotations, stepPod, type Workspace, workspace } from "../support/step.ts";
import { until } from "../support/wait.ts";

let ws: Workspace;
beforeAll(async () => {
  ws = await workspace();
});
afterAll(() => ws?.remove());

/** A registry of a test's own. */
interface Registry {
  /** For the annotation. */
  readonly url: string;
  /** Kills its process; the kubelet starts another, with the same data. */
  readonly kill: () => Promise<void>;
}

const killRegistry = `for p in /proc/[0-9]*; do
  [ "$(cat "$p/comm")" != registry ] || kill -9 "\${p#/proc/}"
done`;

/**
 * Starts a registry that is slow, so that what happens while it works can be tried.
 *
 * @param name - of its Pod
 * @param data - the volume for its data
 */
async function startRegistry(name: string, data: object = {}): Promise<Registry> {
  const env = Object.entries({
    REGISTRY_HTTP_ADDR: ":5000",
    REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: "/data",
    OTEL_TRACES_EXPORTER: "none",
  });
  await ws.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      shareProcessNamespace: true,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "registry",
          image: "registry:3.1.2",
          env: env.map(([key, value]) => ({ name: key, value })),
          readinessProbe: { tcpSocket: { port: 5000 }, periodSeconds: 1 },
          resources: { limits: { cpu: "100m" } },
          volumeMounts: [{ name: "data", mountPath: "/data" }],
        },
        { name: "shell", image: "busybox:1.36", command: ["sleep", "3600"] },
      ],
      volumes: [{ name: "data", emptyDir: data }],
    },
  });
  await ws.kubectl("wait", `pod/${name}`, "--for=condition=Ready", "--timeout=120s");
  return {
    url: `http://${(await ws.pod(name)).status?.podIP}:5000`,
    kill: async () => {
      await ws.kubectl("exec", name, "-c", "shell", "--", "sh", "-c", killRegistry);
    },
  };
}

const megabytes = 200;
/** Leaves a large output that cannot be compressed, and its digest as the termination message. */
const large = `head -c ${megabytes}000000 /dev/urandom > out; sha256sum < out > /dev/termination-log`;

const outputTo = (registry: Registry, name: string): StepAnnotations => ({
  registry: registry.url,
  "output-uri": `faults/${name}:1`,
  "output-path": "out",
});

/** Waits until a container has said something. */
const says = (pod: string, container: string, text: string) =>
  until(async () => (await ws.log(pod, container).catch(() => "")).includes(text), `"${text}" of ${pod}`);

/** Waits until a Pod pushes; returns the digest of what it made. */
async function pushes(pod: string): Promise<string | undefined> {
  await says(pod, names.pushContainer, "pushing out");
  return until(async () => made(await ws.pod(pod)), `the end of the program of ${pod}`);
}

/** Runs a step whose input is what another one pushed, and returns the input's digest, or how the step failed. */
async function digestOfInput(registry: Registry, name: string): Promise<string | undefined> {
  const map: StepAnnotations = { registry: registry.url, "input-uri": `faults/${name}:1`, timeout: "60s" };
  await ws.apply(stepPod(`${name}-next`, map, "sha256sum < out > /dev/termination-log"));
  const pod = await ws.ended(`${name}-next`);
  return endOf(pod, "main")?.message ?? String(endOf(pod, names.pullContainer)?.exitCode);
}

const made = (pod: V1Pod) => endOf(pod, "main")?.message;

describe.concurrent("a large artifact", () => {
  it("is pushed though the registry dies while it comes", async () => {
    const registry = await startRegistry("dies-in-push");
    await ws.apply(stepPod("push", outputTo(registry, "push"), large));
    await says("push", names.pushContainer, "pushing out");
    await registry.kill();
    const pod = await ws.ended("push");
    expect(pod.status?.phase).toBe("Succeeded");
    expect(await digestOfInput(registry, "push")).toBe(made(pod));
  });

  it("is pulled though the registry dies while it goes", async () => {
    const registry = await startRegistry("dies-in-pull");
    await ws.apply(stepPod("pull", outputTo(registry, "pull"), large));
    const pod = await ws.ended("pull");
    const pulled = digestOfInput(registry, "pull");
    await says("pull-next", names.pullContainer, `${megabytes}000000 bytes`);
    await registry.kill();
    expect(await pulled).toBe(made(pod));
  });

  it("is pushed by a Pod that is deleted meanwhile, within its grace period", async () => {
    const registry = await startRegistry("deleted");
    await ws.apply(stepPod("graceful", outputTo(registry, "graceful"), large));
    const digest = await pushes("graceful");
    await ws.kubectl("delete", "pod", "graceful", "--grace-period=100");
    expect(await digestOfInput(registry, "graceful")).toBe(digest);
  });

  it("is pushed whole or not at all by a Pod that has no time", async () => {
    const registry = await startRegistry("killed");
    await ws.apply(stepPod("hasty", outputTo(registry, "hasty"), large));
    const digest = await pushes("hasty");
    await ws.kubectl("delete", "pod", "hasty", "--grace-period=1");
    const nothing = String(exitCodes.inputNotFound.code);
    expect([digest, nothing]).toContain(await digestOfInput(registry, "hasty"));
  });

  it("that the registry has no room for fails its Pod within the timeout", async () => {
    const registry = await startRegistry("full", { medium: "Memory", sizeLimit: "20Mi" });
    await ws.apply(stepPod("no-room", { ...outputTo(registry, "no-room"), timeout: "15s" }, large));
    const pod = await ws.ended("no-room");
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, "main")?.exitCode).toBe(0);
    const end = endOf(pod, names.pushContainer);
    expect(end?.exitCode).toBe(exitCodes.pushFailed.code);
    expect(end?.message).toMatch(/push to .*the registry did not take it within 15 s; last: .*500/);
  });
});
