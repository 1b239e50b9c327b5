import { execFileSync } from "node:child_process";

/** Kills the sandbox of a Pod, as a crash of the runtime does: the kubelet makes another one. */
export function killSandbox(namespace: string, pod: string): void {
  kill([`labels."io.cri-containerd.kind"==sandbox`], namespace, pod);
}

/** Kills a container of a Pod, as a crash does: the kubelet starts it again, with the same volumes. */
export function killContainer(namespace: string, pod: string, container: string): void {
  kill([`labels."io.kubernetes.container.name"==${container}`], namespace, pod);
}

function kill(filters: readonly string[], namespace: string, pod: string): void {
  const filter = [
    `labels."io.kubernetes.pod.namespace"==${namespace}`,
    `labels."io.kubernetes.pod.name"==${pod}`,
    ...filters,
  ].join(",");
  const id = execFileSync("ctr", ["containers", "list", "--quiet", filter], { encoding: "utf8" }).trim();
  execFileSync("ctr", ["tasks", "kill", "--signal", "SIGKILL", id]);
}
