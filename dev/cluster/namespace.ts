import { existsSync } from "node:fs";
import { attempt, run } from "./command.ts";
import { network } from "./paths.ts";

/** The command, run in the cluster's network namespace. */
export function inNamespace(argv: readonly string[]): string[] {
  return ["nsenter", `--net=${network.namespaceFile}`, "--", ...argv];
}

/**
 * Makes the network namespace of the cluster: nothing leads out of it. A bridge without ports carries the node's
 * address, because some kernels have no dummy device.
 */
export async function createNamespace(): Promise<void> {
  if (!existsSync(network.namespaceFile)) await run(["ip", "netns", "add", network.namespace]);
  if (!existsSync("/proc/sys/net/bridge")) await attempt(["modprobe", "br_netfilter"]);
  const { bridge, nodeAddress } = network;
  const commands = [
    ["ip", "link", "set", "lo", "up"],
    ["ip", "link", "add", bridge, "type", "bridge"],
    ["ip", "address", "add", `${nodeAddress}/32`, "dev", bridge],
    ["ip", "link", "set", bridge, "up"],
    // Programs ask for the interface of the default route to find the node's address.
    ["ip", "route", "add", "default", "dev", bridge],
    ["sysctl", "-qw", "net.ipv4.ip_forward=1"],
    // Pods of one node talk over the bridge: without this, iptables, and with it every NetworkPolicy, does not see it.
    ["sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1"],
  ];
  for (const command of commands) await run(inNamespace(command));
}

/** Removes the namespace; what runs in it loses its network with the last process. */
export async function removeNamespace(): Promise<void> {
  if (existsSync(network.namespaceFile)) await attempt(["ip", "netns", "delete", network.namespace]);
}
