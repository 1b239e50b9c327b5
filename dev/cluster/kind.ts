import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { buildModule } from "./binaries.ts";
import type { Cluster } from "./cluster.ts";
import { attempt, run } from "./command.ts";
import { cacheFolder } from "./paths.ts";
import { step } from "./progress.ts";

const name = "oras-operator";
const config = join(cacheFolder, "kind.kubeconfig");

/** A cluster in Docker, made by kind. */
export const kindCluster: Cluster = {
  description: `kind cluster ${name}`,
  hasDocker: true,
  async up() {
    if ((await kindCluster.status()).healthy) return;
    await mkdir(cacheFolder, { recursive: true });
    await step("kind create cluster", () =>
      run(["kind", "create", "cluster", `--name=${name}`, `--kubeconfig=${config}`, "--wait=120s"]).then(
        () => "ready",
      ),
    );
  },
  async down() {
    await run(["kind", "delete", "cluster", `--name=${name}`, `--kubeconfig=${config}`]);
  },
  async status() {
    const nodes = await run(["kind", "get", "nodes", `--name=${name}`]).catch(() => "");
    const lines = nodes.split("\n").filter(Boolean);
    return { healthy: lines.length > 0, lines: lines.length > 0 ? lines : [`no kind cluster named ${name}`] };
  },
  async has() {
    return false;
  },
  async load(archive) {
    await run(["kind", "load", "image-archive", archive, `--name=${name}`]);
  },
  async command(argv) {
    return { argv: [...argv], env: { KUBECONFIG: config, PATH: await pathWithTools() } };
  },
};

/** Whether Docker answers and kind is installed. */
export async function kindIsAvailable(): Promise<boolean> {
  return (await attempt(["kind", "version"])).code === 0 && (await attempt(["docker", "info"])).code === 0;
}

/** PATH with kubectl, helm and oras; what the machine has comes first, and is not built. */
export async function pathWithTools(): Promise<string> {
  const folders = [process.env["PATH"] ?? ""];
  for (const [module, program] of [
    ["kubernetes", "kubectl"],
    ["helm", "helm"],
    ["oras", "oras"],
  ] as const) {
    const installed = (await attempt([program, "version"])).code !== undefined;
    if (!installed) folders.push(await buildModule(module, [program]));
  }
  return folders.join(":");
}
