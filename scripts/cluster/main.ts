import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { Command } from "commander";
import { startControlPlane } from "./control-plane.ts";
import { loadImage } from "./images.ts";
import { adminKubeconfig, clientEnvironment, enter, kubectl, plane } from "./local.ts";
import { createNetwork } from "./network.ts";
import { startNode, startRuntime } from "./node.ts";
import { installPackages } from "./packages.ts";
import { stateFolder } from "./paths.ts";
import { runningPid, say } from "./process.ts";
import { tearDown } from "./teardown.ts";
import { chooseCluster, kindUp } from "./choice.ts";

const daemons = [
  ...["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"],
  ...["containerd", "kubelet", "kube-proxy", "coredns"],
];

const program = new Command("cluster").description(
  "A real Kubernetes for development and tests: the current kubeconfig if asked, kind where Docker runs, else a cluster of this machine's own processes.",
);
program.command("up").description("start the cluster; does nothing when it runs").action(up);
program.command("down").description("end it and remove everything it left").action(down);
program.command("status").description("say what runs; exit code 1 when it is down").action(status);
program
  .command("load")
  .argument("<image...>", "names of images that `npm run images` has built")
  .description("make images known to the cluster's nodes")
  .action(async (images: string[]) => {
    for (const image of images) await loadImage(image);
  });
program
  .command("exec")
  .argument("<command...>", "for example: kubectl get pods")
  .passThroughOptions()
  .description("run a command in the cluster's network, with kubectl, helm and oras on the PATH")
  .action(execute);
program.enablePositionalOptions();
await program.parseAsync();

async function up(): Promise<void> {
  const choice = await chooseCluster();
  if (choice === "current") return say("using the current kubeconfig");
  if (choice === "kind") return kindUp();
  const running = daemons.filter((name) => runningPid(stateFolder, name) !== undefined);
  if (running.length === daemons.length) return ready();
  // What an earlier one left behind, after a crash or a restart of the machine, is in the way.
  if (running.length > 0 || existsSync(stateFolder)) {
    say("removing what is left of an earlier cluster");
    await tearDown();
  }
  await installPackages();
  await createNetwork();
  say("starting etcd and the API server");
  await startControlPlane(plane);
  say("starting containerd");
  await startRuntime();
  const { loadBuilt } = await import("./images.ts");
  await loadBuilt();
  say("starting controllers, scheduler and node");
  await startNode();
  ready();
}

function ready(): void {
  say("the cluster is up");
  console.log(`kubeconfig: ${adminKubeconfig} (valid inside the cluster's network namespace)`);
  console.log("next:       node scripts/cluster/main.ts exec -- kubectl get nodes");
}

async function down(): Promise<void> {
  await tearDown();
  say("the cluster is down");
}

async function status(): Promise<void> {
  const rows = daemons.map((name) => ({ name, pid: runningPid(stateFolder, name) }));
  for (const { name, pid } of rows) console.log(`${name.padEnd(24)} ${pid === undefined ? "down" : `up, pid ${pid}`}`);
  if (rows.some(({ pid }) => pid === undefined)) process.exitCode = 1;
  else console.log(await kubectl(["get", "nodes"]));
}

async function execute(command: string[]): Promise<void> {
  const choice = await chooseCluster();
  const [program = "", ...args] = choice === "local" ? [...enter, ...command] : command;
  const env = choice === "local" ? await clientEnvironment() : process.env;
  const { status: code, error } = spawnSync(program, args, { stdio: "inherit", env });
  if (error) throw error;
  process.exitCode = code ?? 1;
}
