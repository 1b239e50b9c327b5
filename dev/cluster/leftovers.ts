import { readdir, readFile, rm, rmdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { stateFolder } from "./paths.ts";

const tasks = join(stateFolder, "containerd/state/io.containerd.runtime.v2.task/k8s.io");
const networkResults = "/var/lib/cni/results";

/** Folders that programs make outside the state folder, whatever their options; removed if empty. */
const foreignFolders = [
  ...["/var/lib/kubelet/device-plugins", "/var/lib/kubelet", networkResults, "/var/lib/cni"],
  ...["/run/containerd/s", "/run/containerd"],
];

/**
 * Files outside the state folder that belong to the cluster's containers: the sockets of their shims, which those
 * that are killed leave behind, and what CNI remembers of each.
 */
export async function filesOfContainers(): Promise<string[]> {
  const ids = await readdir(tasks).catch(() => []);
  const sockets = await Promise.all(ids.map((id) => shimSocket(join(tasks, id, "bootstrap.json"))));
  const results = await readdir(networkResults).catch(() => []);
  return [
    ...sockets.filter((socket) => socket !== undefined),
    ...results
      .filter((name) => ids.some((id) => name.includes(id)))
      .map((name) => join(networkResults, name)),
  ];
}

/** Removes the files, and then the folders that are empty. */
export async function removeFiles(files: readonly string[]): Promise<void> {
  for (const file of files) await rm(file, { force: true });
  for (const folder of foreignFolders) await rmdir(folder).catch(() => {});
}

async function shimSocket(file: string): Promise<string | undefined> {
  try {
    const { address } = JSON.parse(await readFile(file, "utf8")) as { address: string };
    const path = address.replace(/^unix:\/\//, "");
    return /^[0-9a-f]{64}$/.test(basename(path)) ? path : undefined;
  } catch {
    return undefined;
  }
}
