// What a change need not pass, because it takes other programs or a long time: make test-extra, or one of its parts
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModule, olderKubernetes } from "./cluster/binaries.ts";
import { chooseCluster } from "./cluster/choose.ts";
import { attach, run } from "./cluster/command.ts";
import { ensurePackages, packages } from "./cluster/packages.ts";
import { cacheFolder, repository } from "./cluster/paths.ts";
import { ClusterError, say, step } from "./cluster/progress.ts";
import { withDebianRegistry } from "./debian-registry.ts";
import { earlierVersions, prepareEarlier } from "./earlier.ts";
import { agentFolder, buildAgent, goEnvironment } from "./images/agent.ts";

/** What the plugin of examples/workflow/snakemake is tested with. */
const snakemakeVersion = "9.27.1";
/** What docs/how-to/nextflow.md is tried with: see dev/nextflow/pom.xml. */
const nextflowVersion = "24.10.0";
/** With what crates of `graph -o ro-crate` are validated. */
const validatorVersion = "0.13.0";

/** Everything that is tested, by the words that say so. */
const items: Readonly<Record<string, () => Promise<void>>> = {
  "the agent on arm64": agentOnArm,
  ...Object.fromEntries(
    olderKubernetes.map((version) => [`Kubernetes ${version}`, () => apiServer(version)]),
  ),
  registries,
  reliability,
  upgrades,
  releases,
  "one registry": oneRegistry,
  "cert-manager": certManager,
  kueue,
  cosign,
  "ro-crate": roCrate,
  workflows,
};

const [part = ""] = process.argv.slice(2);
const chosen = Object.entries(items).filter(([name]) => name.startsWith(part));
if (chosen.length === 0) {
  console.error(`error: nothing begins with ${part}; there is: ${Object.keys(items).join(", ")}`);
  process.exit(2);
}

const failed: string[] = [];
for (const [name, test] of chosen) {
  say(`${name}:`);
  try {
    await test();
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    console.error(`error: ${error.message}`);
    failed.push(name);
  }
}
say(
  failed.length > 0 ? `FAILED: ${failed.join(", ")}` : `passed: ${chosen.map(([name]) => name).join(", ")}`,
);
if (failed.length > 0) process.exitCode = 1;

async function agentOnArm(): Promise<void> {
  await step("Debian packages", () => ensurePackages(packages.extra));
  const folder = await mkdtemp(join(tmpdir(), "agent-"));
  try {
    await step("compile it", async () => {
      const program = join(folder, "agent");
      await buildAgent(program, "arm64");
      const kind = await run(["file", "--brief", program]);
      if (/^ELF 64-bit LSB executable, ARM aarch64,.* statically linked,/.test(kind)) return "static";
      throw new ClusterError(`the agent is not a static program for arm64 but: ${kind.trim()}`);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  // qemu-user knows neither clone's CLONE_PIDFD, with which the agent starts programs, nor how a test starts itself or
  // becomes the parent of what a program leaves behind.
  const startPrograms = /\/agent(\/internal\/(test)?program)?$/;
  const startThemselves = "^(TestForeignDirectories|TestRootAsTarget|TestProxyOfTheEnvironment)$";
  const all = await run(["go", "list", "./..."], { cwd: agentFolder, env: goEnvironment });
  const wanted = all.split("\n").filter((path) => path && !startPrograms.test(path));
  say("  its tests under qemu-user, some minutes:");
  const options = [`-exec=qemu-aarch64-static`, `-skip=${startThemselves}`, "-vet=off"];
  const code = await attach(["go", "-C", agentFolder, "test", ...options, ...wanted], {
    ...goEnvironment,
    GOARCH: "arm64",
  });
  if (code !== 0) throw new ClusterError(`go test ended with exit code ${code}`);
}

/** From earlier versions of the operator to this one, with steps that run, on the cluster. */
async function upgrades(): Promise<void> {
  await bringUp();
  for (const earlier of earlierVersions) {
    await step(`images of ${earlier.commit}`, () => prepareEarlier(earlier));
  }
  await installations("upgrade", true);
}

/** Two releases of this commit, and what is in them. */
async function releases(): Promise<void> {
  await step("Debian packages", () => ensurePackages(packages.extra));
  await installations("release", false);
}

/** An installation of the release from one registry, on the cluster. */
async function oneRegistry(): Promise<void> {
  await bringUp();
  const code = await attach([process.execPath, join(repository, "dev/release.ts")]);
  if (code !== 0) throw new ClusterError(`make release ended with exit code ${code}`);
  await installations("mirror", true);
}

/** A real cert-manager, which renews the webhook's certificate while Pods are created, on the cluster. */
async function certManager(): Promise<void> {
  await bringUp();
  await buildModule("cert-manager");
  await installations("cert-manager", true);
}

/** A real Kueue, which admits steps when their inputs are there, on a control plane. */
async function kueue(): Promise<void> {
  await buildModule("kueue");
  await installations("kueue", false);
}

/** The real cosign, which verifies what the operator has signed, on a control plane. */
async function cosign(): Promise<void> {
  await buildModule("cosign");
  await installations("cosign", false);
}

/** The validator of the RO-Crate community. */
async function roCrate(): Promise<void> {
  const folder = join(cacheFolder, `roc-${validatorVersion}`);
  await step("roc-validator, from PyPI", () =>
    installFromPyPi(folder, "rocrate-validator", `roc-validator==${validatorVersion}`),
  );
  await installations("ro-crate", false, { ORAS_OPERATOR_ROC: join(folder, "bin") });
}

/** Workflows of WfCommons, Snakemake and Nextflow, on the cluster. */
async function workflows(): Promise<void> {
  const snakemake = join(cacheFolder, `snakemake-${snakemakeVersion}`);
  // Takes a minute and 700 MB, once.
  await step("Snakemake, from PyPI", () =>
    installFromPyPi(snakemake, "snakemake", `snakemake==${snakemakeVersion}`),
  );
  const nextflow = join(cacheFolder, `nextflow-${nextflowVersion}`);
  await step("Nextflow, from Maven", () => installNextflow(nextflow));
  await bringUp();
  const vitest = ["npx", "--prefix", repository, "vitest", "run", "--root", repository, "--project", "extra"];
  const { argv, env } = await (await chooseCluster()).command(vitest);
  const installed = { ORAS_OPERATOR_SNAKEMAKE: join(snakemake, "bin"), NEXTFLOW_LIBRARIES: nextflow };
  const code = await attach(argv, { ...env, ...installed });
  if (code !== 0) throw new ClusterError(`test/extra ended with exit code ${code}`);
}

/** Copies the libraries that Nextflow consists of into a folder, unless they are there. Its launcher would download them. */
async function installNextflow(folder: string): Promise<string> {
  await ensurePackages(packages.java);
  const isThere = await access(join(folder, `nextflow-${nextflowVersion}.jar`)).then(
    () => true,
    () => false,
  );
  if (isThere) return "there";
  const pom = join(repository, "dev/nextflow/pom.xml");
  const copy = ["mvn", "--quiet", "--batch-mode", "--file", pom, "dependency:copy-dependencies"];
  await run([...copy, `-Dnextflow.version=${nextflowVersion}`, `-DoutputDirectory=${folder}`]);
  return "installed";
}

/** Makes an environment of its own for a program, unless it is there. */
async function installFromPyPi(folder: string, program: string, requirement: string): Promise<string> {
  const isThere = await access(join(folder, "bin", program)).then(
    () => true,
    () => false,
  );
  if (isThere) return "there";
  await run(["python3", "-m", "venv", folder]);
  await run([join(folder, "bin/pip"), "install", "--quiet", requirement]);
  return "installed";
}

async function bringUp(): Promise<void> {
  const inRepository = (...argv: string[]) => run([process.execPath, ...argv], { cwd: repository });
  await step("cluster", () => inRepository("dev/cluster/main.ts", "up").then(() => "ready"));
  await step("images", () => inRepository("dev/images.ts", "--load").then(() => "loaded"));
  await step("manifests", () => inRepository("scripts/build-config.ts").then(() => "ready"));
}

/** Runs one of test/installations, where the cluster can be reached if it needs that. */
async function installations(
  file: string,
  onCluster: boolean,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const path = `test/installations/${file}.test.ts`;
  const vitest = [
    "npx",
    "--prefix",
    repository,
    "vitest",
    "run",
    "--root",
    repository,
    "--project",
    "installations",
    path,
  ];
  const { argv, env } = onCluster ? await (await chooseCluster()).command(vitest) : { argv: vitest, env: {} };
  const code = await attach(argv, { ...env, ...more });
  if (code !== 0) throw new ClusterError(`${path} ended with exit code ${code}`);
}

/** The integration tests against the API server of another version. The kubelet, the agent and images know none. */
async function apiServer(version: (typeof olderKubernetes)[number]): Promise<void> {
  await buildModule(`kubernetes-${version}`);
  const tests = ["npm", "--prefix", repository, "run", "--silent", "test:integration"];
  const code = await attach(tests, { ORAS_OPERATOR_API_SERVER: version });
  if (code !== 0) throw new ClusterError(`the integration tests ended with exit code ${code}`);
}

/** The tests of our clients on registries, with distribution 2.8 too. */
async function registries(): Promise<void> {
  for (const name of ["registry", "registries"] as const) await buildModule(name);
  await withDebianRegistry(async (program) => {
    const env = { ...goEnvironment, ORAS_OPERATOR_DEBIAN_REGISTRY: program };
    const go = ["go", "-C", agentFolder, "test", "-count=1", "-run=^TestCompatible$", "./internal/registry"];
    const npm = ["npm", "--prefix", repository, "run", "--silent", "test:integration", "--"];
    for (const argv of [go, [...npm, "test/integration/registries.test.ts"]]) {
      const code = await attach(argv, env);
      if (code !== 0) throw new ClusterError(`${argv.join(" ")} ended with exit code ${code}`);
    }
  });
}

/** What is killed is processes of this machine, so there is no other cluster to try it on. */
async function reliability(): Promise<void> {
  const code = await attach(["npm", "--prefix", repository, "run", "--silent", "test:reliability"]);
  if (code !== 0) throw new ClusterError(`test:reliability ended with exit code ${code}`);
}
