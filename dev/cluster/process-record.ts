import { readdirSync, readFileSync } from "node:fs";

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessRecord {
  readonly pid: number;
  /** Clock ticks after boot, from /proc/PID/stat. */
  readonly startTime: string;
}

/**
 * The start time in the text of /proc/PID/stat: field 22 (proc_pid_stat(5)). The second field is the program's name
 * in parentheses and may itself hold spaces and parentheses.
 *
 * @param stat - the file's text
 */
export function startTimeIn(stat: string): string | undefined {
  return stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .at(19);
}

/** The record of a process, or undefined when there is none. */
export function recordOf(pid: number): ProcessRecord | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // A zombie has ended; only its parent has not looked yet. While other threads of it end, they have its ports and files.
    const isZombie = stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
    if (isZombie && readdirSync(`/proc/${pid}/task`).length <= 1) return undefined;
    const startTime = startTimeIn(stat);
    return startTime === undefined ? undefined : { pid, startTime };
  } catch {
    return undefined;
  }
}

/** Whether exactly this process still runs. */
export function isAlive(record: ProcessRecord | undefined): boolean {
  return record !== undefined && recordOf(record.pid)?.startTime === record.startTime;
}
