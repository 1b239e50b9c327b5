import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const beginning = Date.now();

/** A line of progress, with the seconds since the command began. */
export function say(text: string): void {
  const seconds = ((Date.now() - beginning) / 1000).toFixed(0).padStart(4);
  console.error(`${seconds} s  ${text}`);
}

/** How a command is run. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Buffer;
  /** Show its output while it runs instead of returning it. */
  readonly show?: boolean;
}

/**
 * Runs a command to its end.
 *
 * @returns its standard output
 * @throws Error with the command, its exit code and its standard error
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["pipe", options.show ? "inherit" : "pipe", options.show ? "inherit" : "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on("data", (data: Buffer) => out.push(data));
  child.stderr?.on("data", (data: Buffer) => err.push(data));
  child.stdin?.on("error", () => {}); // the command may end without reading: its exit code tells
  child.stdin?.end(options.input ?? "");
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code === 0) return Buffer.concat(out).toString();
  throw new Error(`${argv.join(" ")}: exit code ${code}\n${Buffer.concat(err).toString()}${Buffer.concat(out).toString()}`);
}

/** Waits until a condition holds; it may fail or throw meanwhile. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  seconds = 60,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown = "it does not hold";
  while (Date.now() < deadline) {
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    await delay(100);
  }
  throw new Error(`${what}: not within ${seconds} s: ${last instanceof Error ? last.message : last}`);
}

/** A daemon that outlives this command; its pid and its log are kept in folders of their own. */
export interface Daemon {
  readonly name: string;
  readonly argv: readonly string[];
  readonly folder: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts a daemon unless it runs. */
export function startDaemon({ name, argv, folder, env }: Daemon): void {
  if (runningPid(folder, name) !== undefined) return;
  mkdirSync(join(folder, "logs"), { recursive: true });
  mkdirSync(join(folder, "pids"), { recursive: true });
  const log = openSync(join(folder, "logs", `${name}.log`), "a");
  const [command = "", ...args] = argv;
  const child = spawn(command, args, { detached: true, stdio: ["ignore", log, log], env: env ?? process.env });
  closeSync(log);
  if (child.pid === undefined) throw new Error(`${name}: ${command} cannot be started`);
  // A pid alone may belong to another process after a restart of the machine; with its start time it does not.
  writeFileSync(join(folder, "pids", name), `${child.pid} ${startTime(child.pid)}\n`);
  child.unref();
}

/** The pid of a daemon that runs. */
export function runningPid(folder: string, name: string): number | undefined {
  try {
    const [pid, started] = readFileSync(join(folder, "pids", name), "utf8").trim().split(" ");
    return startTime(Number(pid)) === started ? Number(pid) : undefined;
  } catch {
    return undefined; // never started, or ended
  }
}

/** Ends a daemon: asks, waits, and kills it when it does not go. */
export async function stopDaemon(folder: string, name: string, seconds = 10): Promise<void> {
  const pid = runningPid(folder, name);
  if (pid !== undefined) {
    process.kill(pid, "SIGTERM");
    const gone = async () => runningPid(folder, name) === undefined;
    await until(`end of ${name}`, gone, seconds).catch(() => process.kill(pid, "SIGKILL"));
    await until(`end of ${name}`, gone, seconds);
  }
  rmSync(join(folder, "pids", name), { force: true });
}

/** Start time of a process in clock ticks since boot; an ended one that nobody reaped has none. */
function startTime(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z") throw new Error(`${pid} has ended`);
  return fields[19] ?? "";
}
