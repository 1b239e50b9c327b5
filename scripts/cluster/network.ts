import { existsSync } from "node:fs";
import { network } from "./local.ts";
import { networkNamespace } from "./paths.ts";
import { run } from "./process.ts";

const inside = (...command: string[]) => run(["ip", "-n", networkNamespace, ...command]);

/** Makes the cluster's network namespace, with the node's address on a bridge (the kernel may lack dummy devices). */
export async function createNetwork(): Promise<void> {
  if (existsSync(`/run/netns/${networkNamespace}`)) return;
  await run(["ip", "netns", "add", networkNamespace]);
  await inside("link", "set", "lo", "up");
  await inside("link", "add", "node0", "type", "bridge");
  await inside("address", "add", `${network.node}/32`, "dev", "node0");
  await inside("link", "set", "node0", "up");
  // A route for everything keeps the kernel from refusing Service addresses before kube-proxy rewrites them.
  await inside("route", "add", "default", "dev", "node0");
  await run([
    ...["nsenter", `--net=/run/netns/${networkNamespace}`, "--"],
    ...["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"],
  ]);
}

/** Removes the namespace with everything in it. */
export async function deleteNetwork(): Promise<void> {
  if (existsSync(`/run/netns/${networkNamespace}`)) await run(["ip", "netns", "delete", networkNamespace]);
}
