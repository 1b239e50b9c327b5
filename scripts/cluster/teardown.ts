import { existsSync, readFileSync, rmSync } from "node:fs";
import { ctr } from "./node.ts";
import { deleteNetwork } from "./network.ts";
import { stateFolder } from "./paths.ts";
import { run, runningPid, stopDaemon } from "./process.ts";

const daemons = ["kubelet", "kube-proxy", "kube-scheduler", "kube-controller-manager", "coredns"];

/** Ends everything that an earlier `up` started, also one that crashed or was cut off, and removes its state. */
export async function tearDown(): Promise<void> {
  for (const name of daemons) await stopDaemon(stateFolder, name);
  if (runningPid(stateFolder, "containerd") !== undefined) await killTasks();
  for (const name of ["containerd", "kube-apiserver", "etcd"]) await stopDaemon(stateFolder, name);
  await endShims();
  await unmountBelow(stateFolder);
  await deleteNetwork();
  if (existsSync(stateFolder)) rmSync(stateFolder, { recursive: true, force: true });
}

/** Ends the containers: without the kubelet nobody else does. */
async function killTasks(): Promise<void> {
  const tasks = (await ctr("tasks", "list", "-q")).split("\n").filter((task) => task !== "");
  for (const task of tasks) {
    await ctr("tasks", "kill", "--all", "--signal", "SIGKILL", task).catch(() => {}); // it may just have ended
    await ctr("tasks", "delete", "--force", task).catch(() => {});
  }
}

/** Shims outlive containerd, by design; ours are those with our socket on their command line. */
async function endShims(): Promise<void> {
  const listing = await run(["ps", "-eo", "pid=,args="]);
  for (const line of listing.split("\n")) {
    const [, pid, command = ""] = /^\s*([0-9]+)\s+(.*)$/.exec(line) ?? [];
    if (command.includes("containerd-shim-runc-v2") && command.includes(stateFolder)) {
      process.kill(Number(pid), "SIGKILL");
    }
  }
}

async function unmountBelow(folder: string): Promise<void> {
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${folder}/`))
    .reverse();
  for (const path of mounts) await run(["umount", "--lazy", path]).catch(() => {}); // one may lie below another
}
