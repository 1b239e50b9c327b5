import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { Pair } from "./certificates.ts";
import { cgroupRoot, network, pauseImage, state, stateFolder } from "./paths.ts";

/**
 * A kubeconfig that holds its certificates, so that it can be copied.
 *
 * @param name - of its cluster, user and context
 * @param server - URL of the API server
 * @param ca - PEM
 * @param user - certificate and key
 */
export function kubeconfig(name: string, server: string, ca: string, user: Pair): string {
  const base64 = (pem: string) => Buffer.from(pem).toString("base64");
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": base64(ca) } }],
    users: [
      {
        name,
        user: { "client-certificate-data": base64(user.certificate), "client-key-data": base64(user.key) },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}

/** The same kubeconfig, for an API server that is reached by another address. */
export function pointedAt(config: string, server: string): string {
  const parsed = parse(config) as { clusters: { name: string; cluster: object }[] };
  const clusters = parsed.clusters.map(({ name, cluster }) => ({ name, cluster: { ...cluster, server } }));
  return stringify({ ...parsed, clusters });
}

/** KubeletConfiguration: one small node, on cgroup v1 or v2, with swap or without. */
export function kubeletConfiguration(certificate: (name: string) => string): string {
  return stringify({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: network.nodeAddress,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: certificate("ca.crt") },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: certificate("kubelet-server.crt"),
    tlsPrivateKeyFile: certificate("kubelet-server.key"),
    cgroupDriver: "cgroupfs",
    cgroupRoot,
    clusterDNS: [network.nodeAddress],
    clusterDomain: network.domain,
    containerRuntimeEndpoint: `unix://${state.containerdSocket}`,
    // Kubernetes gives cgroup v1 up, but machines that have nothing else still run this.
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    // A developer's disk is often rather full; nothing here is worth evicting Pods for.
    evictionHard: { "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    podLogsDir: join(stateFolder, "pod-logs"),
    resolvConf: join(state.configuration, "resolv.conf"),
    syncFrequency: "10s",
    // Tests end when their Pods do.
    nodeStatusUpdateFrequency: "10s",
    registerNode: true,
  });
}

/** Settings of containerd: nothing of it outside the state folder, images only by import. */
export function containerdConfiguration(): string {
  return `version = 3
root = "${stateFolder}/containerd/root"
state = "${stateFolder}/containerd/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]

[grpc]
address = "${state.containerdSocket}"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "${pauseImage}"

[plugins.'io.containerd.cri.v1.images'.registry]
config_path = "${state.configuration}/registries"

[plugins.'io.containerd.cri.v1.runtime']
# Without CAP_SYS_RESOURCE runc may not lower a score and fails.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = "/usr/sbin/runc"
Root = "${stateFolder}/runc"
SystemdCgroup = false

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "${state.configuration}/cni"
`;
}

/**
 * Pod network: a pair of interfaces for each Pod, and routes. On a shared bridge the answer of a Service on the same
 * node would go past connection tracking wherever br_netfilter is not loaded.
 */
export function podNetwork(): string {
  return JSON.stringify({
    cniVersion: "1.0.0",
    name: "oras-operator",
    plugins: [
      {
        type: "ptp",
        ipMasq: false,
        ipam: {
          type: "host-local",
          ranges: [[{ subnet: network.podRange }]],
          routes: [{ dst: "0.0.0.0/0" }],
          dataDir: join(stateFolder, "addresses"),
        },
      },
    ],
  });
}

/** The container runtime asks the mirror first, whatever registry an image names. */
export function mirrorHosts(): string {
  return `[host."http://${network.mirror}"]\ncapabilities = ["pull", "resolve"]\n`;
}

/**
 * A registry inside the cluster's network that holds all loaded images: without it `imagePullPolicy: Always`, the
 * default for `:latest`, could start nothing on a machine that reaches no registry.
 */
export function mirrorConfiguration(): string {
  return stringify({
    version: "0.1",
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(stateFolder, "mirror") } },
    http: { addr: network.mirror },
  });
}

/** CoreDNS: names of the cluster, and nothing else, because nothing else can be reached. */
export function corefile(kubeconfigFile: string): string {
  return `.:53 {
    bind ${network.nodeAddress}
    errors
    ready 127.0.0.1:8181
    kubernetes ${network.domain} in-addr.arpa ip6.arpa {
        kubeconfig ${kubeconfigFile}
        ttl 1
    }
}
`;
}
