import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildModule } from "./binaries.ts";
import { issueCertificates, kubeconfig, type Subject } from "./certificates.ts";
import { run, startDaemon, stopDaemon, until } from "./process.ts";

/** Where a control plane runs. */
export interface ControlPlane {
  /** Its certificates, data, logs and pids. */
  readonly folder: string;
  /** Address that the API server listens on. */
  readonly address: string;
  readonly port: number;
  readonly etcdPort: number;
  /** Put before every command, to run it in a network namespace. */
  readonly enter: readonly string[];
  /** Addresses of Services. */
  readonly serviceRange: string;
}

/** Users that components and people have certificates for. */
const subjects = (address: string, firstService: string): Subject[] => [
  {
    name: "apiserver",
    user: "kube-apiserver",
    alternatives: [`IP:${address}`, `IP:${firstService}`, "DNS:kubernetes.default.svc", "DNS:localhost"],
  },
  { name: "apiserver-kubelet", user: "kube-apiserver-kubelet", group: "system:masters" },
  { name: "admin", user: "admin", group: "system:masters" },
  { name: "controller-manager", user: "system:kube-controller-manager" },
  { name: "scheduler", user: "system:kube-scheduler" },
  { name: "proxy", user: "system:kube-proxy" },
  { name: "dns", user: "coredns", group: "system:masters" },
  { name: "kubelet", user: "system:node:node", group: "system:nodes", alternatives: [`IP:${address}`, "DNS:node"] },
];

/** Folder of etcd's and Kubernetes' programs: $KUBEBUILDER_ASSETS where it is set, else built. */
async function programs(): Promise<{ etcd: string; apiserver: string; kubectl: string }> {
  const assets = process.env["KUBEBUILDER_ASSETS"];
  if (assets !== undefined) {
    return { etcd: join(assets, "etcd"), apiserver: join(assets, "kube-apiserver"), kubectl: join(assets, "kubectl") };
  }
  const kubernetes = await buildModule("kubernetes", ["kube-apiserver", "kubectl"]);
  return {
    etcd: join(await buildModule("etcd"), "server"),
    apiserver: join(kubernetes, "kube-apiserver"),
    kubectl: join(kubernetes, "kubectl"),
  };
}

/**
 * Starts etcd and the API server, and waits until it is ready.
 *
 * @returns path of the administrator's kubeconfig
 */
export async function startControlPlane(plane: ControlPlane): Promise<string> {
  const pki = join(plane.folder, "pki");
  const server = `https://${plane.address}:${plane.port}`;
  const admin = join(plane.folder, "admin.kubeconfig");
  if (!existsSync(admin)) {
    mkdirSync(plane.folder, { recursive: true });
    const firstService = plane.serviceRange.replace(/0\/.*$/, "1");
    await issueCertificates(pki, subjects(plane.address, firstService));
    for (const name of ["controller-manager", "scheduler", "proxy", "dns", "kubelet"]) {
      writeFileSync(join(plane.folder, `${name}.kubeconfig`), kubeconfig(server, pki, name));
    }
    writeFileSync(admin, kubeconfig(server, pki, "admin"));
  }
  startDaemon({ name: "etcd", folder: plane.folder, argv: [...plane.enter, ...(await etcdArguments(plane))] });
  await startApiServer(plane);
  return admin;
}

/** Starts the API server alone: it may have been killed. */
export async function startApiServer(plane: ControlPlane): Promise<void> {
  const { kubectl } = await programs();
  startDaemon({
    name: "kube-apiserver",
    folder: plane.folder,
    argv: [...plane.enter, ...(await apiServerArguments(plane))],
  });
  const admin = join(plane.folder, "admin.kubeconfig");
  await until("the API server is ready", async () => {
    const answer = await run([...plane.enter, kubectl, "--kubeconfig", admin, "get", "--raw", "/readyz"]);
    if (answer !== "ok") return false;
    return run([...plane.enter, kubectl, "--kubeconfig", admin, "get", "namespace", "default"]);
  });
}

/** Ends the API server and etcd. */
export async function stopControlPlane(plane: ControlPlane): Promise<void> {
  await stopDaemon(plane.folder, "kube-apiserver");
  await stopDaemon(plane.folder, "etcd");
}

async function etcdArguments(plane: ControlPlane): Promise<string[]> {
  const client = `http://127.0.0.1:${plane.etcdPort}`;
  const peer = `http://127.0.0.1:${plane.etcdPort + 1}`;
  return [
    (await programs()).etcd,
    `--data-dir=${join(plane.folder, "etcd")}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    "--unsafe-no-fsync", // nothing here outlives the machine
    "--log-level=warn",
  ];
}

async function apiServerArguments(plane: ControlPlane): Promise<string[]> {
  const at = (file: string) => join(plane.folder, "pki", file);
  return [
    (await programs()).apiserver,
    `--etcd-servers=http://127.0.0.1:${plane.etcdPort}`,
    `--advertise-address=${plane.address}`,
    `--bind-address=${plane.address}`,
    `--secure-port=${plane.port}`,
    `--service-cluster-ip-range=${plane.serviceRange}`,
    `--tls-cert-file=${at("apiserver.crt")}`,
    `--tls-private-key-file=${at("apiserver.key")}`,
    `--client-ca-file=${at("ca.crt")}`,
    `--kubelet-certificate-authority=${at("ca.crt")}`,
    `--kubelet-client-certificate=${at("apiserver-kubelet.crt")}`,
    `--kubelet-client-key=${at("apiserver-kubelet.key")}`,
    // A CA of its own: without one the controller manager complains without end.
    `--requestheader-client-ca-file=${at("proxy-ca.crt")}`,
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    `--service-account-key-file=${at("service-account.key")}`,
    `--service-account-signing-key-file=${at("service-account.key")}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--allow-privileged=true",
  ];
}
