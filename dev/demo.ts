import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { names } from "../schema/names.ts";
import { chooseCluster } from "./cluster/choose.ts";
import type { Cluster } from "./cluster/cluster.ts";
import { attempt, run } from "./cluster/command.ts";
import { ClusterError } from "./cluster/progress.ts";
import { buildImages } from "./images/build.ts";
import { loadAll } from "./images/load.ts";

const namespace = "oras-demo";
const cacheName = "oras";
const artifact = "forest/simulation:run-1";
const kubectl = ["kubectl", "--namespace", namespace] as const;
const manifests = "examples/dist/oras-operator.yaml";
const example = "examples/tests/folder";
const workflow = "examples/workflow/five-jobs/jobs.yaml";

const { values: flags } = parseArgs({
  options: { current: { type: "boolean", default: false }, down: { type: "boolean", default: false } },
});
const cluster = await chooseCluster(flags.current ? "current" : undefined);
await (flags.down ? takeDown() : demonstrate()).catch((error: unknown) => {
  if (!(error instanceof ClusterError)) throw error;
  console.error(`\nerror: ${error.message}`);
  process.exitCode = 1;
});

async function demonstrate(): Promise<void> {
  title(`A Kubernetes cluster: ${cluster.description}`);
  await cluster.up();

  title("The images of the operator");
  const loaded = flags.current ? [] : await loadAll(cluster, await buildImages([], cluster.hasDocker));

  title("The operator, as a user installs it");
  await run([process.execPath, "scripts/build-config.ts"]);
  await show(cluster, ["kubectl", "apply", "-f", manifests], lastLine);
  const deployment = ["--namespace", names.operatorNamespace, `deployment/${names.deployment}`];
  if (loaded.includes("operator")) await quiet(["kubectl", "rollout", "restart", ...deployment]);
  await show(cluster, ["kubectl", "rollout", "status", ...deployment, "--timeout=180s"], lastLine);

  title("A registry for the namespace: an OrasCache");
  // Jobs that ran in an earlier demonstration would not run again.
  await quiet(["kubectl", "delete", "namespace", namespace, "--ignore-not-found"]);
  await quiet(["kubectl", "create", "namespace", namespace]);
  await apply(`${example}/oras.yaml`);
  await waitFor("condition=Available", `${names.singular}/${cacheName}`);
  await show(cluster, [...kubectl, "get", names.singular]);

  title("The first Job writes a folder");
  await apply(`${example}/job.yaml`);
  await waitFor("condition=Complete", "job/simulate");
  await show(cluster, [...kubectl, "logs", "job/simulate", "--container", names.pushContainer]);

  title("The second Job has this folder before it starts");
  await apply(`${example}/next`);
  await waitFor("condition=Complete", "job/summarize");
  await show(cluster, [...kubectl, "logs", "job/summarize", "--container=summarize"]);

  title("The same folder, pulled with the stock oras CLI");
  await withRegistry(pullWithStockOras);

  title("Five Jobs, the last step first: each starts when its inputs are there");
  await apply(workflow);
  await showWorkflow(names.waitingLabel);
  await graph();
  await waitFor(`condition=${names.inputsAvailable}`, "job/compare");
  await showWorkflow(names.waitingLabel);
  await waitFor("condition=Complete", "job/report");
  await show(cluster, [...kubectl, "logs", "job/report", "--container=report"]);
  await graph();

  title("The five again: nothing has changed, so nothing runs");
  await remembered("report");
  await show(cluster, [...kubectl, "delete", "-f", workflow]);
  const begun = Date.now();
  await apply(workflow);
  await waitFor("condition=Complete", "job/report");
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  await showWorkflow(names.memoizedLabel);
  console.log(`    All five are Complete after ${seconds} s.`);

  console.log(`
The second Job printed the files of the folder that the first one wrote. Nothing connects the two but annotations:
  the first   ${names.prefix}output-uri: ${artifact}
              ${names.prefix}output-path: /tmp/results
  the second  ${names.prefix}input-uri: ${artifact}
              ${names.prefix}input-path: /tmp/in
Both Jobs are in ${example}. The five of ${workflow} also have wait-for-inputs and memoize.

The cluster is still up. Next:
  make shell        a shell with kubectl, kubectl oras-cache, helm and oras for this cluster. Try there:
                      kubectl --namespace ${namespace} get jobs,pods
                      kubectl oras-cache ui -n ${namespace}       the five Jobs, in a browser of this machine
  examples/         more to apply there: kubectl apply -f examples/tests/registry -f examples/tests/hello-world
  make demo-down    remove all that this demo made`);
}

/** The Jobs with a label of theirs: whether each waits (true, or false once it may start), or was not run. */
async function showWorkflow(label: string): Promise<void> {
  await show(cluster, [
    ...kubectl,
    "get",
    "jobs",
    "--selector=workflow=five-jobs",
    `--label-columns=${label}`,
  ]);
}

/** The steps and what they pass to each other, by the command line of this tree. */
async function graph(): Promise<void> {
  const args = ["graph", "-n", namespace, "-l", "workflow=five-jobs"];
  const line = ["kubectl", "oras-cache", ...args].join(" ");
  await show(cluster, [process.execPath, "src/cli/main.ts", ...args], undefined, line);
}

/** The result of a step is written down a moment after the step has ended. */
async function remembered(job: string): Promise<void> {
  const key = names.memoKeyAnnotation.replaceAll(".", "\\.");
  const written = `jsonpath={.metadata.annotations.${key}}`;
  const deadline = Date.now() + 30_000;
  while (!(await quiet([...kubectl, "get", "job", job, "-o", written])).endsWith(" written")) {
    if (Date.now() > deadline) throw new ClusterError(`the result of the Job ${job} is not remembered`);
    await delay(200);
  }
}

async function takeDown(): Promise<void> {
  if (!flags.current) {
    await cluster.down();
    console.log(`Down: ${cluster.description}`);
    return;
  }
  await quiet(["kubectl", "delete", "namespace", namespace, "--ignore-not-found"]);
  await quiet(["kubectl", "delete", "--ignore-not-found", "-f", manifests]);
  console.log(`The demonstration and the operator are gone from the ${cluster.description}`);
}

async function pullWithStockOras(registry: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "oras-demo-"));
  const login = await mkdtemp(join(tmpdir(), "oras-demo-login-"));
  // Else oras would write the login beside those of the person who runs this.
  process.env["DOCKER_CONFIG"] = login;
  try {
    await logIn(registry);
    const reference = `${registry}/${artifact}`;
    await show(cluster, ["oras", "resolve", "--plain-http", reference]);
    await show(cluster, ["oras", "pull", "--plain-http", "--no-tty", "--output", folder, reference]);
    console.log(`$ find results -type f\n${indent((await filesBelow(folder)).join("\n"))}`);
  } finally {
    await Promise.all([folder, login].map((path) => rm(path, { recursive: true, force: true })));
  }
}

/** As a person does it: the password goes from the Secret to oras through a pipe. */
async function logIn(registry: string): Promise<void> {
  const status = ["get", names.singular, cacheName, "-o", "jsonpath={.status.credentialsSecret}"];
  await show(cluster, [...kubectl, ...status]);
  const secret = await quiet([...kubectl, ...status]);
  const read = [...kubectl, "get", "secret", secret, "-o", "jsonpath={.data.password}"].join(" ");
  const write = `oras login --plain-http --username oras-1 --password-stdin ${registry}`;
  const line = `${read} | base64 -d | ${write}`;
  await show(cluster, ["sh", "-c", line], undefined, line);
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => relative(folder, join(entry.parentPath, entry.name))).toSorted();
}

/** Runs the work while the cache's registry can be reached on a port of this machine. */
async function withRegistry(work: (registry: string) => Promise<void>): Promise<void> {
  const target = `pod/${cacheName}-0`;
  const { argv, env } = await cluster.command([...kubectl, "port-forward", target, `:${names.registryPort}`]);
  const [program = "", ...args] = argv;
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await work(await forwardedAddress(child.stdout));
  } finally {
    child.kill();
  }
}

async function forwardedAddress(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const found = /127\.0\.0\.1:\d+/.exec(line);
    if (found) return found[0];
  }
  throw new ClusterError("kubectl port-forward ended without a word; see above");
}

async function apply(path: string): Promise<void> {
  await show(cluster, [...kubectl, "apply", "-f", path]);
}

async function waitFor(condition: string, object: string): Promise<void> {
  try {
    await show(cluster, [...kubectl, "wait", `--for=${condition}`, object, "--timeout=180s"]);
  } catch (error) {
    const described = await quiet([...kubectl, "describe", "pods"]).catch(() => "");
    throw new ClusterError(`${error instanceof Error ? error.message : error}\n${described}`);
  }
}

async function quiet(argv: readonly string[]): Promise<string> {
  const { argv: full, env } = await cluster.command(argv);
  return run(full, { env });
}

/** Prints a command and what it said. A part of the cluster that is just starting may refuse it at first. */
async function show(
  where: Cluster,
  argv: readonly string[],
  choose = (text: string) => text,
  line = argv.join(" "),
): Promise<void> {
  console.log(`$ ${line}`);
  const { argv: full, env } = await where.command(argv);
  const deadline = Date.now() + 30_000;
  for (;;) {
    const { code, stdout, stderr } = await attempt(full, { env });
    if (code === 0) return console.log(indent(choose(stdout)));
    const starting = /connection refused|not found|failed calling webhook/.test(stderr);
    if (!starting || Date.now() > deadline) throw new ClusterError(`${argv.join(" ")}\n${stderr || stdout}`);
    await delay(500);
  }
}

function title(text: string): void {
  console.log(`\n== ${text}`);
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, "    ");
}

function lastLine(text: string): string {
  const lines = text.trimEnd().split("\n");
  return lines.length > 1 ? `… ${lines.at(-1)}` : text;
}
