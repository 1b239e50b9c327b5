import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { network, state } from "./paths.ts";
import { isAlive, type ProcessRecord, recordOf } from "./process-record.ts";
import { ClusterError } from "./progress.ts";
import { until } from "./waiting.ts";

/**
 * Starts a program of the cluster in the cluster's network namespace; it outlives this process.
 *
 * `nsenter` and not `ip netns exec`: that one gives each its own mount namespace, and the runtime would not see what
 * the kubelet mounts.
 *
 * @param name - of its record and its log
 * @param argv - program and arguments
 * @param env - added to the environment
 */
export async function start(
  name: string,
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  mkdirSync(state.logs, { recursive: true });
  mkdirSync(state.processes, { recursive: true });
  const log = openSync(join(state.logs, `${name}.log`), "a");
  const child = spawn("nsenter", [`--net=${network.namespaceFile}`, "--", ...argv], {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, ...env },
  });
  closeSync(log);
  child.unref();
  const record = child.pid === undefined ? undefined : recordOf(child.pid);
  if (!record) throw new ClusterError(`${name} did not start: ${logOf(name)}`);
  await writeFile(join(state.processes, `${name}.json`), JSON.stringify(record));
}

/** Names and records of everything that was started. */
export async function started(): Promise<Map<string, ProcessRecord>> {
  const files = await readdir(state.processes).catch(() => []);
  const entries = await Promise.all(
    files.map(async (file): Promise<[string, ProcessRecord]> => {
      const text = await readFile(join(state.processes, file), "utf8");
      return [file.replace(/\.json$/, ""), JSON.parse(text) as ProcessRecord];
    }),
  );
  return new Map(entries);
}

/**
 * Waits until a started program answers.
 *
 * @param name - as it was started
 * @param answers - whether it does
 * @throws ClusterError with the end of its log when it ended instead
 */
export async function ready(name: string, answers: () => Promise<boolean>): Promise<void> {
  await until(`${name} to answer; its log is ${join(state.logs, `${name}.log`)}`, async () => {
    if (!isAlive((await started()).get(name))) throw new ClusterError(`${name} ended:\n${logOf(name)}`);
    return answers();
  });
}

/** Ends a program by its recorded number: asks first, insists after some seconds. */
export async function stop(name: string, patienceSeconds = 10): Promise<void> {
  await end((await started()).get(name), patienceSeconds);
  await rm(join(state.processes, `${name}.json`), { force: true });
}

/** Ends one process: asks first, insists after some seconds. */
export async function end(record: ProcessRecord | undefined, patienceSeconds: number): Promise<void> {
  if (!record || !isAlive(record)) return;
  const gone = () => !isAlive(record);
  process.kill(record.pid, patienceSeconds > 0 ? "SIGTERM" : "SIGKILL");
  try {
    await until(`process ${record.pid} to end`, gone, patienceSeconds || 10);
  } catch {
    if (isAlive(record)) process.kill(record.pid, "SIGKILL");
    await until(`process ${record.pid} to end`, gone, 10);
  }
}

function logOf(name: string): string {
  try {
    return readFileSync(join(state.logs, `${name}.log`), "utf8")
      .trim()
      .split("\n")
      .slice(-12)
      .join("\n");
  } catch {
    return "(no log)";
  }
}
