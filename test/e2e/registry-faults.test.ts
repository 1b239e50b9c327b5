import type { V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { endOf, podOf, pullerOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

/** A registry of a test's own. */
interface Registry {
  /** For the annotation. */
  readonly url: string;
  /** Waits until it serves a large blob, and stops it there: its clients wait. */
  readonly stopWithin: (what: "upload" | "download") => Promise<void>;
  /** Lets it go on. */
  readonly goOn: () => Promise<void>;
  /** Kills its process; the kubelet starts another, with the same data. */
  readonly kill: () => Promise<void>;
}

/** Part of the path of the file that a registry holds open meanwhile. */
const openFile = { upload: "/_uploads/", download: "/blobs/sha256/" } as const;

/** Sends the registry's process a signal once it has a large file open whose path has a text in it. */
const signalOnceOpen = `text="$1"
until
  fd=$(ls -l /proc/[0-9]*/fd/* 2>/dev/null | sed -n "s|.* \\(/proc/[0-9]*/fd/[0-9]*\\) -> .*$text.*/data$|\\1|p" | head -n 1)
  [ -n "$fd" ] && [ "$(stat -L -c %s "$fd" 2>/dev/null || echo 0)" -gt 1000000 ]
do sleep 0.02; done
fd="\${fd#/proc/}"
kill -STOP "\${fd%%/*}"`;

const signal = `for p in /proc/[0-9]*; do
  [ "$(cat "$p/comm")" != registry ] || kill "-$1" "\${p#/proc/}"
done`;

/**
 * Starts a registry that is slow, so that it can be stopped during a transfer.
 *
 * @param ws - where
 * @param name - of its Pod
 * @param data - the volume for its data
 */
async function startRegistry(ws: Workspace, name: string, data: object = {}): Promise<Registry> {
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
  const inside = async (script: string, word: string) => {
    await ws.kubectl("exec", name, "-c", "shell", "--", "sh", "-c", script, "sh", word);
  };
  return {
    url: `http://${(await ws.pod(name)).status?.podIP}:5000`,
    stopWithin: (what) => inside(signalOnceOpen, openFile[what]),
    goOn: () => inside(signal, "CONT"),
    kill: () => inside(signal, "KILL"),
  };
}

const megabytes = 50;
/** Leaves a large output that cannot be compressed, and its digest as the termination message. */
const large = `head -c ${megabytes}000000 /dev/urandom > out; sha256sum < out > /dev/termination-log`;

const outputTo = (registry: Registry, name: string): StepAnnotations => ({
  registry: registry.url,
  "output-uri": `faults/${name}:1`,
  "output-path": "out",
});

/** Runs a step whose input is what another one pushed, and returns the input's digest, or how the step failed. */
async function digestOfInput(ws: Workspace, registry: Registry, name: string): Promise<string | undefined> {
  const map: StepAnnotations = { registry: registry.url, "input-uri": `faults/${name}:1`, timeout: "60s" };
  await ws.apply(podOf(`${name}-next`, map, "sha256sum < out > /dev/termination-log"));
  const pod = await ws.ended(`${name}-next`);
  return endOf(pod, "main")?.message ?? String(endOf(pod, pullerOf(pod))?.exitCode);
}

const made = (pod: V1Pod) => endOf(pod, "main")?.message;

/** Runs a step with a large output until the registry has a part of it, and no more goes there. */
async function stopWithinPush(ws: Workspace, registry: Registry, name: string): Promise<void> {
  const stopped = registry.stopWithin("upload");
  await ws.apply(podOf(name, outputTo(registry, name), large));
  await stopped;
}

describe.concurrent("a large artifact", () => {
  it("is pushed though the registry dies while it comes", async ({ ws }) => {
    const registry = await startRegistry(ws, "dies-in-push");
    await stopWithinPush(ws, registry, "push");
    await registry.kill();
    const pod = await ws.ended("push");
    expect(pod.status?.phase).toBe("Succeeded");
    expect(await digestOfInput(ws, registry, "push")).toBe(made(pod));
  });

  it("is pulled though the registry dies while it goes", async ({ ws }) => {
    const registry = await startRegistry(ws, "dies-in-pull");
    const pod = await ws.run("pull", outputTo(registry, "pull"), large);
    const stopped = registry.stopWithin("download");
    const pulled = digestOfInput(ws, registry, "pull");
    await stopped;
    await registry.kill();
    expect(await pulled).toBe(made(pod));
  });

  it("is pushed by a Pod that is deleted meanwhile, within its grace period", async ({ ws }) => {
    const registry = await startRegistry(ws, "deleted");
    await stopWithinPush(ws, registry, "graceful");
    const digest = await until(async () => made(await ws.pod("graceful")), "the end of the program");
    await ws.kubectl("delete", "pod", "graceful", "--grace-period=100", "--wait=false");
    await registry.goOn();
    await ws.kubectl("wait", "pod/graceful", "--for=delete", "--timeout=120s");
    expect(await digestOfInput(ws, registry, "graceful")).toBe(digest);
  });

  it("is not pushed by a Pod that has no time", async ({ ws }) => {
    const registry = await startRegistry(ws, "killed");
    await stopWithinPush(ws, registry, "hasty");
    await ws.kubectl("delete", "pod", "hasty", "--grace-period=1");
    await registry.goOn();
    expect(await digestOfInput(ws, registry, "hasty")).toBe(String(exitCodes.inputNotFound.code));
  });

  it("that the registry has no room for fails its Pod within the timeout", async ({ ws }) => {
    const registry = await startRegistry(ws, "full", { medium: "Memory", sizeLimit: "20Mi" });
    const pod = await ws.run("no-room", { ...outputTo(registry, "no-room"), timeout: "15s" }, large);
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, "main")?.exitCode).toBe(0);
    const end = endOf(pod, names.pushContainer);
    expect(end?.exitCode).toBe(exitCodes.pushFailed.code);
    expect(end?.message).toMatch(/push to .*the registry did not succeed within 15s; last: .*500/);
  });
});
