import { readFileSync } from "node:fs";
import type { PodLike } from "../bench/as-in-pod.ts";
import type { ControlPlane } from "../support/control-plane.ts";
import { until } from "../support/wait.ts";

/** A leader renews its Lease every two seconds. */
export const renewalsAtRest = 60;

/** Runs work for each number below a count, some at once. */
export async function each(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => i).values();
  const worker = async () => {
    for (const i of numbers) await work(i);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/**
 * Waits until the leader has renewed its Lease so many times.
 *
 * @returns what it asked the API server for meanwhile, such as `update leases`
 */
export async function requestsUntilRenewed(plane: ControlPlane, count: number): Promise<readonly string[]> {
  const begin = (await plane.operatorRequests()).length;
  const since = async () => (await plane.operatorRequests()).slice(begin);
  const renewals = async () => (await since()).filter((request) => request === renewal).length;
  await until(async () => (await renewals()) >= count, `${count} renewals of the Lease`, 600_000);
  return since();
}

const renewal = "update leases";

/** What changes anything, but for the Lease. */
export function writesIn(requests: readonly string[]): readonly string[] {
  return requests.filter((request) => !/^(get|list|watch) /.test(request) && request !== renewal);
}

/** What a process has in memory, or had at most, in MiB. */
export function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
}

/**
 * What the operator's objects take of V8's heap after garbage was collected, and the whole process then, in MiB. What a process has
 * in memory is up to twice as much after thousands of reviews, whatever is left of them.
 *
 * @param operator - it gets a debugger, which takes some memory itself
 */
export async function collectedMemory({
  pid,
  inspectorPort,
}: PodLike): Promise<{ heap: number; rss: number }> {
  process.kill(pid, "SIGUSR1");
  const targets = await until(async () => {
    const answer = await fetch(`http://127.0.0.1:${inspectorPort}/json/list`).catch(() => undefined);
    return (await answer?.json()) as { webSocketDebuggerUrl: string }[] | undefined;
  }, "the debugger");
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? "");
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const ask = (method: string): Promise<{ result: { usedSize?: number } }> => {
    socket.send(JSON.stringify({ id: 1, method }));
    return new Promise((resolve) =>
      socket.addEventListener("message", ({ data }) => resolve(JSON.parse(String(data)) as never), {
        once: true,
      }),
    );
  };
  await ask("HeapProfiler.collectGarbage");
  const { result } = await ask("Runtime.getHeapUsage");
  socket.close();
  return { heap: Math.round((result.usedSize ?? Number.NaN) / 2 ** 20), rss: memoryOf(pid, "VmRSS") };
}
