import type { V1Pod } from "@kubernetes/client-node";
import { kubectl } from "./kubectl.ts";
import { start } from "./processes.ts";

/** A container of a Pod. */
export interface ContainerName {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/**
 * Sends a signal to the first process of a container, from the node, as nothing inside could.
 *
 * @param which - one that runs
 * @param signal - such as SIGKILL, of which the kernel's OOM killer makes use
 */
export async function signalContainer(
  { namespace, pod, container }: ContainerName,
  signal: NodeJS.Signals,
): Promise<void> {
  const found = JSON.parse(
    await kubectl(["--namespace", namespace, "get", "pod", pod, "-o", "json"]),
  ) as V1Pod;
  const status = found.status?.containerStatuses?.find(({ name }) => name === container);
  const id = status?.containerID?.replace(/^containerd:\/\//, "") ?? "";
  process.kill(await processOf(id), signal);
}

async function processOf(id: string): Promise<number> {
  const { code, stdout, stderr } = await start(["ctr", "tasks", "list"], { env: process.env }).ended;
  if (code !== 0) throw new Error(`ctr tasks list: ${stderr}`);
  const [, pid, state] =
    stdout
      .split("\n")
      .map((line) => line.split(/\s+/))
      .find(([task]) => task === id) ?? [];
  if (id === "" || pid === undefined || state !== "RUNNING") throw new Error(`no task runs as ${id || "it"}`);
  return Number(pid);
}
