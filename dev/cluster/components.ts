import { join } from "node:path";
import type { ModuleName } from "./binaries.ts";
import { file } from "./certificates.ts";
import { network, state, stateFolder } from "./paths.ts";

/** One process of the cluster. */
export interface Component {
  readonly name: string;
  /** Where its program comes from. */
  readonly module: ModuleName;
  readonly program: string;
  readonly args: readonly string[];
  /** URL that answers 200 when it is ready; reached from inside the namespace. */
  readonly ready?: string;
}

/** Path of a component's kubeconfig. */
export function kubeconfigOf(name: string): string {
  return join(state.configuration, `${name}.kubeconfig`);
}

/** URL of the API server; reachable from inside the namespace only. */
export const apiServerUrl = `https://${network.nodeAddress}:${network.apiPort}`;

const etcdUrl = "http://127.0.0.1:2379";

const etcd: Component = {
  name: "etcd",
  module: "etcd",
  program: "server",
  args: [
    `--data-dir=${join(stateFolder, "etcd")}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    "--listen-peer-urls=http://127.0.0.1:2380",
    // The cluster's data is thrown away with it.
    "--unsafe-no-fsync",
    "--log-level=warn",
  ],
  ready: `${etcdUrl}/health`,
};

const apiServer: Component = {
  name: "kube-apiserver",
  module: "kubernetes",
  program: "kube-apiserver",
  args: [
    `--etcd-servers=${etcdUrl}`,
    `--advertise-address=${network.nodeAddress}`,
    `--secure-port=${network.apiPort}`,
    `--service-cluster-ip-range=${network.serviceRange}`,
    `--tls-cert-file=${file("kube-apiserver.crt")}`,
    `--tls-private-key-file=${file("kube-apiserver.key")}`,
    `--client-ca-file=${file("ca.crt")}`,
    `--kubelet-client-certificate=${file("kubelet-client.crt")}`,
    `--kubelet-client-key=${file("kubelet-client.key")}`,
    "--kubelet-preferred-address-types=InternalIP",
    `--requestheader-client-ca-file=${file("front-proxy-ca.crt")}`,
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    `--proxy-client-cert-file=${file("front-proxy-client.crt")}`,
    `--proxy-client-key-file=${file("front-proxy-client.key")}`,
    `--service-account-issuer=https://kubernetes.default.svc.${network.domain}`,
    `--service-account-key-file=${file("service-account.pub")}`,
    `--service-account-signing-key-file=${file("service-account.key")}`,
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--allow-privileged=true",
  ],
};

const controllerManager: Component = {
  name: "kube-controller-manager",
  module: "kubernetes",
  program: "kube-controller-manager",
  args: [
    `--kubeconfig=${kubeconfigOf("kube-controller-manager")}`,
    `--authentication-kubeconfig=${kubeconfigOf("kube-controller-manager")}`,
    `--authorization-kubeconfig=${kubeconfigOf("kube-controller-manager")}`,
    "--bind-address=127.0.0.1",
    `--root-ca-file=${file("ca.crt")}`,
    `--cluster-signing-cert-file=${file("ca.crt")}`,
    `--cluster-signing-key-file=${file("ca.key")}`,
    `--service-account-private-key-file=${file("service-account.key")}`,
    "--use-service-account-credentials=true",
    "--leader-elect=false",
  ],
};

const scheduler: Component = {
  name: "kube-scheduler",
  module: "kubernetes",
  program: "kube-scheduler",
  args: [
    `--kubeconfig=${kubeconfigOf("kube-scheduler")}`,
    `--authentication-kubeconfig=${kubeconfigOf("kube-scheduler")}`,
    `--authorization-kubeconfig=${kubeconfigOf("kube-scheduler")}`,
    "--bind-address=127.0.0.1",
    "--leader-elect=false",
  ],
};

const containerd: Component = {
  name: "containerd",
  module: "containerd",
  program: "containerd",
  args: [`--config=${join(state.configuration, "containerd.toml")}`, "--log-level=info"],
};

const kubelet: Component = {
  name: "kubelet",
  module: "kubernetes",
  program: "kubelet",
  args: [
    `--config=${join(state.configuration, "kubelet.yaml")}`,
    `--kubeconfig=${kubeconfigOf("kubelet")}`,
    `--root-dir=${join(stateFolder, "kubelet")}`,
    `--cert-dir=${join(stateFolder, "kubelet", "pki")}`,
    `--hostname-override=${network.nodeName}`,
    `--node-ip=${network.nodeAddress}`,
  ],
  ready: "http://127.0.0.1:10248/healthz",
};

const proxy: Component = {
  name: "kube-proxy",
  module: "kubernetes",
  program: "kube-proxy",
  args: [
    `--kubeconfig=${kubeconfigOf("kube-proxy")}`,
    `--hostname-override=${network.nodeName}`,
    `--cluster-cidr=${network.podRange}`,
    "--proxy-mode=nftables",
    "--healthz-bind-address=127.0.0.1:10256",
    "--metrics-bind-address=127.0.0.1:10249",
    // These settings belong to the whole machine, not to a network namespace: leave them alone.
    "--conntrack-max-per-core=0",
    "--conntrack-tcp-timeout-established=0s",
    "--conntrack-tcp-timeout-close-wait=0s",
  ],
  ready: "http://127.0.0.1:10256/healthz",
};

/** Enforces NetworkPolicies, and does nothing else: the bridge plugin connects the Pods, kube-proxy the Services. */
const policies: Component = {
  name: "kube-router",
  module: "kube-router",
  program: "kube-router",
  args: [
    `--kubeconfig=${kubeconfigOf("kube-router")}`,
    `--hostname-override=${network.nodeName}`,
    "--run-firewall=true",
    "--run-router=false",
    "--run-service-proxy=false",
    "--run-loadbalancer=false",
    `--service-cluster-ip-range=${network.serviceRange}`,
  ],
  ready: "http://127.0.0.1:20244/healthz",
};

const dns: Component = {
  name: "coredns",
  module: "coredns",
  program: "coredns",
  args: ["-conf", join(state.configuration, "Corefile")],
  ready: "http://127.0.0.1:8181/ready",
};

const mirror: Component = {
  name: "registry-mirror",
  module: "registry",
  program: "registry",
  args: ["serve", join(state.configuration, "mirror.yaml")],
  ready: `http://${network.mirror}/v2/`,
};

/** The cluster's processes. */
export const components = {
  etcd,
  apiServer,
  controllerManager,
  scheduler,
  containerd,
  kubelet,
  proxy,
  policies,
  dns,
  mirror,
} as const;

/** In the order in which they are stopped: first what would start something again. */
export const stopOrder: readonly Component[] = [
  kubelet,
  policies,
  proxy,
  dns,
  scheduler,
  controllerManager,
  containerd,
  mirror,
  apiServer,
  etcd,
];
