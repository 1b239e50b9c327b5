import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Memory of a process and all below it over time. */
export interface MemoryWatch {
  /** The most that they had at once, MiB, without pages of files, which the kernel takes back when it needs room. */
  readonly peak: () => number;
}

/** Looks at what a process and its descendants hold, often, until it ends. */
export function watchMemory(child: ChildProcess): MemoryWatch {
  let peak = 0;
  const look = setInterval(() => {
    peak = Math.max(peak, anonymousOf(child.pid ?? 0));
  }, 20);
  child.once("exit", () => clearInterval(look));
  return { peak: () => peak };
}

function anonymousOf(root: number): number {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const parent = field(entry, "PPid");
    if (parent !== undefined) parents.set(Number(entry), parent);
  }
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === root || isBelow(parents.get(pid)));
  const kibibytes = [...parents.keys()]
    .filter(isBelow)
    .reduce(
      (sum, pid) => sum + (field(String(pid), "RssAnon") ?? 0) + (field(String(pid), "RssShmem") ?? 0),
      0,
    );
  return kibibytes / 1024;
}

/** A number of proc_pid_status(5); undefined when the process is gone. */
function field(pid: string, name: string): number | undefined {
  try {
    const found = new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(
      readFileSync(`/proc/${pid}/status`, "utf8"),
    )?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}
