import { readFileSync } from "node:fs";
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
