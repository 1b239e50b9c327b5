import { mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { isAlive, type ProcessRecord, recordOf } from "./process-record.ts";
import { until } from "./waiting.ts";

/**
 * Runs the work while no other process runs its own under the same lock. The lock of a process that died is void.
 *
 * @param path - of the lock file
 * @param work - what must not run twice at once
 * @param seconds - how long to wait for the other at most
 */
export async function withLock<T>(path: string, work: () => Promise<T>, seconds = 1800): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  await until(`the lock ${path} (another run holds it)`, () => take(path), seconds);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    await file.writeFile(JSON.stringify(recordOf(process.pid)));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const text = await readFile(path, "utf8");
    // Empty: its owner is just writing it.
    if (text !== "" && !isAlive(JSON.parse(text) as ProcessRecord)) await rm(path, { force: true });
    return false;
  }
}
