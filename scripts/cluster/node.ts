import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { buildModule } from "./binaries.ts";
import { containerdSocket, enter, kubectl, network, plane } from "./local.ts";
import { stateFolder } from "./paths.ts";
import { run, startDaemon, until } from "./process.ts";

/** Image of the container that holds a Pod's namespaces. */
export const pauseImage = "registry.k8s.io/pause:3.10";

const at = (file: string) => join(stateFolder, file);

/** Starts containerd and waits for it. */
export async function startRuntime(): Promise<void> {
  const folder = await buildModule("containerd");
  writeConfiguration();
  startDaemon({
    name: "containerd",
    folder: stateFolder,
    argv: [...enter, join(folder, "containerd"), "--config", at("containerd.toml")],
    // containerd finds its shim on the PATH.
    env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` },
  });
  await until("containerd answers", () => ctr("version"));
}

/** Runs containerd's own client in the namespace that Kubernetes uses. */
export async function ctr(...args: string[]): Promise<string> {
  const folder = await buildModule("containerd");
  return run([join(folder, "ctr"), "--address", containerdSocket, "--namespace", "k8s.io", ...args]);
}

/** Starts the controllers, the scheduler and the node, and waits until the node is ready. */
export async function startNode(): Promise<void> {
  const kubernetes = await buildModule("kubernetes");
  const config = (name: string) => `--kubeconfig=${at(`${name}.kubeconfig`)}`;
  const pki = (file: string) => join(stateFolder, "pki", file);
  const daemons: Record<string, string[]> = {
    "kube-controller-manager": [
      config("controller-manager"),
      `--root-ca-file=${pki("ca.crt")}`,
      `--service-account-private-key-file=${pki("service-account.key")}`,
      `--cluster-signing-cert-file=${pki("ca.crt")}`,
      `--cluster-signing-key-file=${pki("ca.key")}`,
      `--cluster-cidr=${network.pods}`,
      "--allocate-node-cidrs=true",
      "--node-cidr-mask-size=24",
      "--use-service-account-credentials=true",
      "--leader-elect=false",
    ],
    "kube-scheduler": [config("scheduler"), "--leader-elect=false"],
    kubelet: [
      config("kubelet"),
      `--config=${at("kubelet.yaml")}`,
      "--hostname-override=node",
      `--node-ip=${network.node}`,
      `--root-dir=${at("kubelet")}`,
    ],
    "kube-proxy": [
      config("proxy"),
      "--proxy-mode=nftables",
      "--hostname-override=node",
      `--cluster-cidr=${network.pods}`,
      "--conntrack-max-per-core=0",
      "--conntrack-tcp-timeout-established=0",
      "--conntrack-tcp-timeout-close-wait=0",
    ],
  };
  for (const [name, args] of Object.entries(daemons)) {
    startDaemon({ name, folder: stateFolder, argv: [...enter, join(kubernetes, name), ...args] });
  }
  startDaemon({
    name: "coredns",
    folder: stateFolder,
    argv: [...enter, join(await buildModule("coredns"), "coredns"), "-conf", at("Corefile")],
  });
  await until("the node is ready", async () =>
    (await kubectl(["get", "node", "node", "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}"])) === "True",
  );
  await until("the default ServiceAccount is there", () => kubectl(["get", "serviceaccount", "default"]));
}

function writeConfiguration(): void {
  mkdirSync(at("cni"), { recursive: true });
  writeFileSync(at("resolv.conf"), "");
  writeFileSync(at("containerd.toml"), containerdConfiguration());
  writeFileSync(at("cni/10-bridge.conflist"), JSON.stringify(podNetwork));
  writeFileSync(at("kubelet.yaml"), stringify(kubeletConfiguration()));
  writeFileSync(at("Corefile"), corefile());
}

const podNetwork = {
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [
    {
      type: "bridge",
      bridge: "pods0",
      isGateway: true,
      ipMasq: false,
      hairpinMode: true,
      ipam: {
        type: "host-local",
        dataDir: join(stateFolder, "cni-data"),
        ranges: [[{ subnet: network.pods }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};

/** containerd 2 (version 3 of its configuration). */
function containerdConfiguration(): string {
  return `version = 3
root = "${at("containerd")}"
state = "${at("containerd-state")}"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.tracing"]

[grpc]
  address = "${containerdSocket}"

[ttrpc]
  address = "${containerdSocket}.ttrpc"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "${pauseImage}"

[plugins.'io.containerd.cri.v1.runtime']
  # Where the machine lacks CAP_SYS_RESOURCE, runc cannot lower an OOM score.
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni", "/opt/cni/bin"]
    conf_dir = "${at("cni")}"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = "/usr/sbin/runc"
`;
}

function kubeletConfiguration(): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: network.node,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(plane.folder, "pki/ca.crt") },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: join(plane.folder, "pki/kubelet.crt"),
    tlsPrivateKeyFile: join(plane.folder, "pki/kubelet.key"),
    cgroupDriver: "cgroupfs",
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    clusterDNS: [network.dns],
    clusterDomain: "cluster.local",
    resolvConf: at("resolv.conf"),
    serializeImagePulls: false,
    maxPods: 250,
    evictionHard: { "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    imageGCHighThresholdPercent: 100,
    podLogsDir: at("pod-logs"),
  };
}

function corefile(): string {
  return `.:53 {
  bind ${network.dns}
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${at("dns.kubeconfig")}
    pods insecure
    ttl 5
  }
  cache 5
}
`;
}
