import { rmSync } from "node:fs";
import { type FileHandle, open, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { visible } from "../../annotations/problems.ts";
import { cleanedUp } from "../clean-up.ts";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";

/** What holds it does so for as long as it writes one file. */
const longestMs = 30_000;
const pollMs = 25;

/**
 * Runs something while no other command does, which holds the same file. Node has no flock, and file systems of a network have
 * none that can be relied on; all of them make a file once.
 *
 * @param path - of the lock, which is there meanwhile and names its process
 * @param run - what needs it
 * @param waitMs - how long to wait for another command; tests wait for less
 * @throws CliError where another command holds it for that long
 */
export async function withLock<T>(path: string, run: () => Promise<T>, waitMs = longestMs): Promise<T> {
  const until = performance.now() + waitMs;
  for (;;) {
    const file = await made(path);
    if (file !== undefined) {
      return cleanedUp(
        () => rmSync(path, { force: true }),
        async () => {
          await file.writeFile(holderOf(process.pid)).finally(() => file.close());
          return run();
        },
      );
    }
    const holder = await read(path);
    if (isDead(holder)) await takeAway(path, until - performance.now());
    else if (performance.now() > until) throw held(path, holder);
    else await delay(pollMs);
  }
}

/**
 * Takes a lock away whose command was killed. Several commands may find the same one, so who does it holds a lock for that: else the
 * second would take away what the first has made since. Nobody else changes a dead lock, so what was read there is there still.
 */
async function takeAway(path: string, waitMs: number): Promise<void> {
  await withLock(
    `${path}.dead`,
    async () => {
      if (isDead(await read(path))) await rm(path, { force: true });
    },
    waitMs,
  );
}

/** Empty where it is gone meanwhile, or has just been made. */
async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

function holderOf(pid: number): string {
  return `process ${pid} on ${hostname()}\n`;
}

/** Whether who holds a lock was killed. Of processes of another machine, or of another container, nobody here can know. */
function isDead(holder: string): boolean {
  const pid = Number(/^process ([1-9]\d{0,9}) on /.exec(holder)?.[1]);
  if (Number.isNaN(pid) || holder !== holderOf(pid)) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Undefined where it is there already. */
async function made(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "wx", 0o644);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  }
}

function held(path: string, holder: string): CliError {
  const who = holder.trim() === "" ? "another command" : visible(holder.trim().slice(0, 200));
  return new CliError(
    `${visible(path)} is held by ${who}, which writes to the same folder. Wait for it, or, if it was killed, delete that file; ` +
      "then run the command again. What was copied is kept.",
    exits.failed,
  );
}
