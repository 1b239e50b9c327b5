import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { archiveOf } from "../images/archives.ts";
import { buildModule, clusterModules } from "./binaries.ts";
import { chooseCluster } from "./choose.ts";
import { attach } from "./command.ts";
import { ensurePackages, packages } from "./packages.ts";
import { repository } from "./paths.ts";
import { ClusterError, say, step } from "./progress.ts";

const program = new Command("cluster")
  .description("Brings up a Kubernetes cluster to develop and test on, and takes it down.")
  .option("--cluster <which>", "auto, local, kind or current (env ORAS_OPERATOR_CLUSTER)")
  .option("--current", "the cluster of the current kubeconfig")
  .showHelpAfterError()
  .enablePositionalOptions()
  .exitOverride()
  .addHelpText(
    "after",
    `
Examples:
  $ node dev/cluster/main.ts up
  $ node dev/cluster/main.ts exec -- kubectl get pods --all-namespaces
  $ node dev/cluster/main.ts load docker.io/library/ubuntu:latest
`,
  );

function chosen() {
  const { cluster, current } = program.opts<{ cluster?: string; current?: boolean }>();
  return chooseCluster(current ? "current" : cluster);
}

program
  .command("up")
  .description("bring the cluster up, unless it is")
  .action(async () => {
    const cluster = await chosen();
    say(`Up: ${cluster.description}`);
    await cluster.up();
    say(
      `\nThe cluster is up. To use it:\n  node dev/cluster/main.ts exec -- kubectl get nodes\n` +
        `  make shell      (a shell with kubectl, kubectl oras-cache, helm and oras)\n` +
        `Its kubeconfig: ${(await cluster.command([])).env["KUBECONFIG"] ?? "the current one"}\n` +
        `To take it down: make cluster-down`,
    );
  });

program
  .command("down")
  .description("take the cluster down and leave nothing behind")
  .action(async () => {
    const cluster = await chosen();
    await cluster.down();
    say(`Down: ${cluster.description}`);
  });

program
  .command("prepare")
  .description("install the Debian packages and build the programs that tests and the cluster need")
  .option("--packages", "only the packages")
  .action(async (options: { packages?: boolean }) => {
    const { hasDocker } = await chosen();
    const list = hasDocker ? packages.test : [...packages.test, ...packages.cluster, ...packages.images];
    await step("Debian packages", () => ensurePackages(list));
    if (options.packages) return;
    // Where kind runs, tests need no cluster of built programs; what else they need they build themselves.
    const programs = hasDocker ? (["oras", "registry"] as const) : clusterModules;
    // A build within a test would take the test's time.
    for (const name of ["versitygw", "registries", ...programs] as const) await buildModule(name);
  });

program
  .command("status")
  .description("say what runs; the exit code is 1 when the cluster is not up")
  .action(async () => {
    const { healthy, lines } = await (await chosen()).status();
    console.log(lines.join("\n"));
    if (!healthy) process.exitCode = 1;
  });

program
  .command("restart")
  .description(
    "kill one of the local cluster's processes with SIGKILL, start it again and wait until it answers",
  )
  .argument("<name>", "of the process, as status shows it")
  .action(async (name: string) => {
    const cluster = await chosen();
    if (!cluster.restart)
      throw new ClusterError(`the processes of a ${cluster.description} are not this machine's own`);
    await cluster.restart(name);
    say(`restarted ${name}`);
  });

program
  .command("load")
  .description("make images known to the cluster's nodes: built ones by name, or OCI archives")
  .argument("<image...>", "name of an image that dev/images.ts builds, or NAME=ARCHIVE")
  .action(async (images: string[]) => {
    const cluster = await chosen();
    for (const image of images) {
      const at = image.indexOf("=");
      const name = at < 0 ? image : image.slice(0, at);
      await cluster.load(at < 0 ? await archiveOf(name) : image.slice(at + 1), [name]);
      say(`loaded ${name}`);
    }
  });

program
  .command("actionlint")
  .description("check workflow files with actionlint, which is built unless the cache has it")
  .argument("<file...>", "the files")
  .action(async (files: string[]) => {
    process.exitCode = await attach([join(await buildModule("actionlint"), "actionlint"), ...files]);
  });

program
  .command("shell")
  .description("open a shell of this machine in which kubectl, its plugin, helm and oras are at hand")
  .action(async () => {
    const cluster = await chosen();
    const shell = process.env["SHELL"] ?? "/bin/sh";
    const withPlugin = (env: Record<string, string>) => ({
      ...env,
      PATH: `${join(repository, "dist")}:${env["PATH"] ?? process.env["PATH"] ?? ""}`,
    });
    say("kubectl, kubectl oras-cache, helm and oras use the cluster here, until you type: exit");
    const open = async (env: Record<string, string>) => attach([shell], withPlugin(env));
    process.exitCode = cluster.besides
      ? await cluster.besides(open)
      : await open((await cluster.command([])).env);
  });

program
  .command("exec")
  .description("run a command where the API server can be reached")
  .argument("<command...>", "program and arguments, after --")
  .passThroughOptions()
  .action(async (argv: string[]) => {
    const { argv: full, env } = await (await chosen()).command(argv);
    process.exitCode = await attach(full, env);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof ClusterError) {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  } else throw error;
}
