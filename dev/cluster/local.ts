import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../images/oci.ts";
import { buildModule, clusterModules, type ModuleName } from "./binaries.ts";
import { type Certificates, file, issueCertificates } from "./certificates.ts";
import type { Cluster } from "./cluster.ts";
import { attempt, run } from "./command.ts";
import { apiServerUrl, type Component, components, kubeconfigOf, stopOrder } from "./components.ts";
import {
  containerdConfiguration,
  corefile,
  kubeconfig,
  kubeletConfiguration,
  mirrorConfiguration,
  mirrorHosts,
  podNetwork,
  pointedAt,
} from "./configuration.ts";
import { filesOfContainers, removeFiles } from "./leftovers.ts";
import { withLock } from "./lock.ts";
import { createNamespace, inNamespace, removeNamespace } from "./namespace.ts";
import { ensurePackages, packages } from "./packages.ts";
import { cgroupRoot, network, state, stateFolder } from "./paths.ts";
import { isAlive } from "./process-record.ts";
import { ready, start, started, stop } from "./processes.ts";
import { ClusterError, say, step } from "./progress.ts";
import { withRelay } from "./relay.ts";
import { cgroupFolders, endPods, removeCgroups, unmountAll } from "./sweep.ts";
import { until } from "./waiting.ts";

const lock = `${stateFolder}.lock`;
const loadedFile = join(stateFolder, "images.json");

/** A real Kubernetes of one node on this machine, in a network namespace that leads nowhere. */
export const localCluster: Cluster = {
  description: "local cluster on this machine",
  hasDocker: false,
  up: () => withLock(lock, up),
  down: () => withLock(lock, down),
  status,
  load,
  restart,
  has: async (archive) => (await loadedArchives()).includes(archive),
  command,
  besides,
};

async function up(): Promise<void> {
  requireRoot();
  const { healthy } = await status();
  if (healthy) {
    say("  already up");
    return;
  }
  if (existsSync(stateFolder)) await step("clear what an earlier one left", down);
  await step("Debian packages", () => ensurePackages(packages.cluster));
  const folders = await step("programs", async () => {
    const built: [ModuleName, string][] = [];
    for (const name of clusterModules) built.push([name, await buildModule(name)]);
    return new Map(built);
  });
  await step("network namespace", createNamespace);
  const certificates = await step("certificates", issueCertificates);
  await writeConfiguration(certificates);
  await linkPrograms(folders);
  const launch = (component: Component) => launchFrom(folders.get(component.module) ?? "", component);
  await step("etcd, containerd", async () => {
    await Promise.all([launch(components.etcd), launch(components.containerd)]);
    await Promise.all([answers(components.etcd), ready("containerd", containerdAnswers)]);
  });
  await step("kube-apiserver", async () => {
    await launch(components.apiServer);
    await ready("kube-apiserver", async () => (await kubectl(["get", "--raw=/readyz"])).code === 0);
  });
  await step("the other parts", async () => {
    const { controllerManager, scheduler, kubelet, proxy, dns, mirror } = components;
    for (const component of [controllerManager, scheduler, kubelet, proxy, dns, mirror])
      await launch(component);
    for (const component of [kubelet, proxy, dns, mirror]) await answers(component);
  });
  await step("node", nodeReady);
  await step("kube-router", async () => {
    // It ends where the node is not there yet.
    await launch(components.policies);
    await answers(components.policies);
  });
}

function launchFrom(folder: string, { name, program, args }: Component): Promise<void> {
  return start(name, [join(folder, program), ...args], {
    PATH: `${state.bin}:/usr/sbin:/usr/bin:/sbin:/bin`,
  });
}

/** Kills one of the processes and starts it again, as the init system of a node does. */
async function restart(name: string): Promise<void> {
  requireRoot();
  const component = stopOrder.find((each) => each.name === name);
  if (component === undefined) {
    const all = stopOrder.map((each) => each.name).join(", ");
    throw new ClusterError(`the local cluster has no process ${name}; it has ${all}`);
  }
  if (!(await started()).has(name)) throw new ClusterError(`${name} was not started; run: make cluster-up`);
  const folder = await buildModule(component.module);
  await stop(name, 0);
  await launchFrom(folder, component);
  if (component === components.containerd) await ready(name, containerdAnswers);
  else await answers(component);
  await ready(name, async () => (await kubectl(["get", "--raw=/readyz"])).code === 0);
}

async function nodeReady(): Promise<void> {
  const condition = `{.items[*].status.conditions[?(@.type=="Ready")].status}`;
  await until("the node to be ready", async () => {
    const { stdout } = await kubectl(["get", "nodes", `-o=jsonpath=${condition}`]);
    return stdout.trim() === "True";
  });
  // Pods are refused until their namespace has its ServiceAccount.
  await until("the default ServiceAccount", async () => {
    return (await kubectl(["get", "serviceaccount", "default", "--namespace=default"])).code === 0;
  });
}

async function down(): Promise<void> {
  requireRoot();
  await stop(components.kubelet.name);
  const files = await filesOfContainers();
  await endPods();
  for (const component of stopOrder) await stop(component.name);
  await endPods();
  await unmountAll();
  await removeCgroups();
  await removeNamespace();
  await rm(stateFolder, { recursive: true, force: true });
  await removeFiles(files);
}

async function status(): Promise<{ healthy: boolean; lines: string[] }> {
  const records = await started();
  const lines = stopOrder.toReversed().map(({ name }) => {
    const record = records.get(name);
    const alive = isAlive(record);
    return `${name.padEnd(24)} ${alive ? `running (pid ${record?.pid})` : "not running"}`;
  });
  const running = stopOrder.every(({ name }) => isAlive(records.get(name)));
  const api = running && (await kubectl(["get", "--raw=/readyz"])).code === 0;
  return { healthy: api, lines: [...lines, `${"API server answers".padEnd(24)} ${api ? "yes" : "no"}`] };
}

async function load(archive: string, names: readonly string[]): Promise<void> {
  await requireUp();
  await ctr(["images", "import", "--local", "--digests=false", archive]);
  const found = (await ctr(["images", "list", "--quiet"])).split("\n");
  const missing = names.filter((name) => !found.includes(name));
  if (missing.length > 0) {
    throw new ClusterError(`${archive} was imported, but it holds no image named ${missing.join(", ")}`);
  }
  const source = `${archive}@${await digestOf(archive)}`;
  for (const name of names) {
    // The mirror is asked for the name without its registry.
    const copy = `${network.mirror}/${name.slice(name.indexOf("/") + 1)}`;
    const oras = [
      join(state.bin, "oras"),
      "cp",
      "--no-tty",
      "--from-oci-layout",
      source,
      "--to-plain-http",
      copy,
    ];
    await run(inNamespace(oras));
  }
  await writeFile(loadedFile, JSON.stringify([...(await loadedArchives()), archive]));
}

async function loadedArchives(): Promise<string[]> {
  return existsSync(loadedFile) ? (JSON.parse(await readFile(loadedFile, "utf8")) as string[]) : [];
}

function ctr(args: readonly string[]): Promise<string> {
  return run([join(state.bin, "ctr"), `--address=${state.containerdSocket}`, "--namespace=k8s.io", ...args]);
}

async function command(argv: readonly string[]): Promise<{ argv: string[]; env: Record<string, string> }> {
  await requireUp();
  const env = {
    KUBECONFIG: state.adminKubeconfig,
    PATH: `${state.bin}:${process.env["PATH"] ?? ""}`,
    // For ctr.
    CONTAINERD_ADDRESS: state.containerdSocket,
    CONTAINERD_NAMESPACE: "k8s.io",
  };
  return { argv: inNamespace(argv), env };
}

/** The API server's certificate is for 127.0.0.1, too. */
async function besides(use: (env: Record<string, string>) => Promise<number>): Promise<number> {
  const { env } = await command([]);
  const target = { host: network.nodeAddress, port: network.apiPort, enter: inNamespace };
  return withRelay(target, async (port) => {
    const folder = await mkdtemp(join(tmpdir(), "kubeconfig-"));
    try {
      const file = join(folder, "config");
      const admin = await readFile(state.adminKubeconfig, "utf8");
      await writeFile(file, pointedAt(admin, `https://127.0.0.1:${port}`), { mode: 0o600 });
      return await use({ ...env, KUBECONFIG: file });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

function kubectl(args: readonly string[]): ReturnType<typeof attempt> {
  const binary = join(state.bin, "kubectl");
  return attempt(
    inNamespace([binary, `--kubeconfig=${state.adminKubeconfig}`, "--request-timeout=5s", ...args]),
  );
}

async function answers({ name, ready: url }: Component): Promise<void> {
  if (!url) return;
  const probe = `fetch(process.argv[1]).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))`;
  const argv = inNamespace([process.execPath, "-e", probe, url]);
  await ready(name, async () => (await attempt(argv)).code === 0);
}

async function containerdAnswers(): Promise<boolean> {
  return (
    (await attempt([join(state.bin, "ctr"), `--address=${state.containerdSocket}`, "version"])).code === 0
  );
}

async function linkPrograms(folders: ReadonlyMap<ModuleName, string>): Promise<void> {
  await mkdir(state.bin, { recursive: true });
  const programs: readonly [ModuleName, string][] = [
    ["kubernetes", "kubectl"],
    ["helm", "helm"],
    ["oras", "oras"],
    ["containerd", "ctr"],
    ["containerd", "containerd-shim-runc-v2"],
  ];
  for (const [module, program] of programs) {
    await symlink(join(folders.get(module) ?? "", program), join(state.bin, program));
  }
}

async function writeConfiguration({ ca, pairs }: Certificates): Promise<void> {
  await mkdir(join(state.configuration, "cni"), { recursive: true });
  for (const folder of cgroupFolders()) await mkdir(folder, { recursive: true }).catch(() => {});
  const write = (name: string, text: string) =>
    writeFile(join(state.configuration, name), text, { mode: 0o600 });
  await write("resolv.conf", "");
  await write("kubelet.yaml", kubeletConfiguration(file));
  await write("containerd.toml", containerdConfiguration());
  await mkdir(join(state.configuration, "registries", "_default"), { recursive: true });
  await write("registries/_default/hosts.toml", mirrorHosts());
  await write("mirror.yaml", mirrorConfiguration());
  await write("cni/10-pods.conflist", podNetwork());
  await write("Corefile", corefile(kubeconfigOf("coredns")));
  for (const name of [
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kube-router",
    "coredns",
  ] as const) {
    await writeFile(kubeconfigOf(name), kubeconfig(name, apiServerUrl, ca, pairs[name]), { mode: 0o600 });
  }
  await writeFile(state.adminKubeconfig, kubeconfig(network.namespace, apiServerUrl, ca, pairs.admin));
  await chmod(state.adminKubeconfig, 0o600);
}

async function requireUp(): Promise<void> {
  if ((await status()).healthy) return;
  throw new ClusterError("the local cluster is not up; run: make cluster-up");
}

function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new ClusterError(
    `the local cluster needs root (network namespaces, mounts, cgroup ${cgroupRoot}). Run it with sudo, or use a ` +
      "cluster that you have: --current, or install Docker and kind",
  );
}
