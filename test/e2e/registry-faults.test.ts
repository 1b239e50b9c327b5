import type { V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { endOf, podOf, pullerOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import {
  type SlowRegistry as Registry,
  startSlowRegistry as startRegistry,
} from "../support/slow-registry.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

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
  if (pod.status?.phase === "Succeeded") return made(pod);
  return String(endOf(pod, pullerOf(pod))?.exitCode);
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
