import { join } from "node:path";
import { buildModule } from "./binaries.ts";
import type { ControlPlane } from "./control-plane.ts";
import { networkNamespace, stateFolder } from "./paths.ts";
import { run } from "./process.ts";

/** Addresses of the local cluster: all from the range for benchmarks (RFC 2544), used inside its namespace only. */
export const network = {
  node: "198.18.0.1",
  pods: "198.18.128.0/17",
  services: "198.19.0.0/16",
  dns: "198.18.0.1",
} as const;

/** Put before a command to run it in the cluster's network. Not `ip netns exec`: its private mounts would hide the
 * kubelet's from containerd. */
export const enter: readonly string[] = ["nsenter", `--net=/run/netns/${networkNamespace}`, "--"];

/** The local cluster's control plane. */
export const plane: ControlPlane = {
  folder: stateFolder,
  address: network.node,
  port: 6443,
  etcdPort: 2379,
  enter,
  serviceRange: network.services,
};

/** The administrator's kubeconfig. */
export const adminKubeconfig: string = join(stateFolder, "admin.kubeconfig");

/** containerd's socket. */
export const containerdSocket: string = join(stateFolder, "containerd.sock");

/** Environment of commands that use the cluster: kubeconfig, and the cluster's own client programs on the PATH. */
export async function clientEnvironment(): Promise<NodeJS.ProcessEnv> {
  const folders = [
    await buildModule("kubernetes", ["kubectl"]),
    await buildModule("helm"),
    await buildModule("oras"),
  ];
  return { ...process.env, KUBECONFIG: adminKubeconfig, PATH: [...folders, process.env["PATH"]].join(":") };
}

/** Runs kubectl against the local cluster. */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const env = await clientEnvironment();
  return run([...enter, "kubectl", ...args], { env, ...(input === undefined ? {} : { input }) });
}
