import { execFileSync } from "node:child_process";

/** Kills the sandbox of a Pod, as a crash of the runtime does: the kubelet makes another one. */
export function killSandbox(namespace: string, pod: string): void {
  const filter = [
    `labels."io.kubernetes.pod.namespace"==${namespace}`,
    `labels."io.kubernetes.pod.name"==${pod}`,
    `labels."io.cri-containerd.kind"==sandbox`,
  ].join(",");
  const id = execFileSync("ctr", ["containers", "list", "--quiet", filter], { encoding: "utf8" }).trim();
  execFileSync("ctr", ["tasks", "kill", "--signal", "SIGKILL", id]);
}
