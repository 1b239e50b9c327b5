import { readdirSync, readFileSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { join } from "node:path";
import { attempt } from "./command.ts";
import { cgroupRoot, state, stateFolder } from "./paths.ts";
import { recordOf } from "./process-record.ts";
import { end } from "./processes.ts";

/** Mount points at or below a folder, the deepest first. Spaces are written as \040 in the file (proc(5)). */
export function mountsBelow(folder: string, mountinfo: string): string[] {
  return mountinfo
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replaceAll("\\040", " "))
    .filter((path) => path === folder || path.startsWith(`${folder}/`))
    .toReversed();
}

/** Whether a command line is that of a shim of this cluster's containerd: it names its socket. */
export function isOurShim(commandLine: string, socket: string): boolean {
  const words = commandLine.split("\0");
  const at = words.indexOf("-address");
  return (
    (words[0] ?? "").endsWith("containerd-shim-runc-v2") && at > 0 && (words[at + 1] ?? "").startsWith(socket)
  );
}

/** Ends every process of the cluster's Pods, found by their cgroup, and the shims that watch them. */
export async function endPods(): Promise<void> {
  const hierarchies = cgroupFolders();
  const pids = new Set(hierarchies.flatMap(processesIn));
  for (const pid of pids) await end(recordOf(pid), 0);
  for (const pid of pidsOfShims()) await end(recordOf(pid), 0);
}

/** Unmounts everything below the state folder, however busy. */
export async function unmountAll(): Promise<void> {
  for (const path of mountsBelow(stateFolder, readFileSync("/proc/self/mountinfo", "utf8"))) {
    await attempt(["umount", "--lazy", path]);
  }
}

/** Removes the cgroups of the cluster, the deepest first: a group with groups in it cannot be removed. */
export async function removeCgroups(): Promise<void> {
  for (const folder of cgroupFolders()) {
    for (const below of [...foldersBelow(folder).toReversed(), folder]) await rmdir(below).catch(() => {});
  }
}

/** Where the cluster's cgroup is: once on cgroup v2, once for each controller on v1. */
export function cgroupFolders(): string[] {
  const root = "/sys/fs/cgroup";
  const v2 = readdirSync(root).includes("cgroup.controllers");
  const hierarchies = v2 ? [root] : readdirSync(root).map((name) => join(root, name));
  return hierarchies.map((hierarchy) => join(hierarchy, cgroupRoot));
}

function foldersBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(folder, entry.name))
      .flatMap((path) => [path, ...foldersBelow(path)]);
  } catch {
    return [];
  }
}

function processesIn(folder: string): number[] {
  return [folder, ...foldersBelow(folder)].flatMap((path) => {
    try {
      return readFileSync(join(path, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
}

function pidsOfShims(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return isOurShim(readFileSync(`/proc/${pid}/cmdline`, "utf8"), state.containerdSocket);
      } catch {
        return false;
      }
    });
}
