import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { attempt, run } from "./command.ts";
import { withLock } from "./lock.ts";
import { programName, readGoModule, versionFlags } from "./modules.ts";
import { cacheFolder } from "./paths.ts";
import { ClusterError, step } from "./progress.ts";

const modulesFolder = join(import.meta.dirname, "modules");

/** The folders of dev/cluster/modules: what is built from Go modules. The longest comes last. */
export const moduleNames = [
  "oras",
  "etcd",
  "registry",
  "containerd",
  "helm",
  "coredns",
  "kubernetes",
] as const;

/** One of them. */
export type ModuleName = (typeof moduleNames)[number];

/**
 * Builds the programs of a module unless the cache has them, and returns the folder that holds them.
 *
 * @param name - folder of dev/cluster/modules
 * @param only - names of the programs that are needed; all when absent
 */
export async function buildModule(name: ModuleName, only?: readonly string[]): Promise<string> {
  const source = join(modulesFolder, name);
  const file = join(source, "go.mod");
  const { tools, version } = readGoModule(await readFile(file, "utf8"), file);
  const folder = join(cacheFolder, "bin", `${name}-${version}`);
  const wanted = tools.filter((tool) => !only || only.includes(programName(tool)));
  const missing = () => wanted.filter((tool) => !existsSync(join(folder, programName(tool))));
  if (missing().length === 0) return folder;
  await requireGo();
  await withLock(join(cacheFolder, "locks", name), async () => {
    const tobuild = missing();
    if (tobuild.length === 0) return;
    await step(`build ${name} ${version}`, () => build(source, folder, tobuild, versionFlags(name, version)));
  });
  return folder;
}

async function build(source: string, folder: string, tools: readonly string[], flags: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  // Built aside and then moved: an interrupted build never leaves half a program in the cache.
  const aside = await mkdtemp(`${folder}.`);
  try {
    await run(
      ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", `${aside}/`, ...tools],
      {
        cwd: source,
        env: { CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" },
      },
    );
    for (const tool of tools) {
      await rename(join(aside, programName(tool)), join(folder, programName(tool)));
    }
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function requireGo(): Promise<void> {
  const found = await attempt(["go", "version"]);
  if (found.code !== undefined) return;
  throw new ClusterError(
    "Go is not installed (no `go` in PATH). Install Go 1.21 or newer: https://go.dev/dl/",
  );
}

/**
 * The two programs of a control plane: those in KUBEBUILDER_ASSETS if it is set, else built ones.
 */
export async function controlPlaneBinaries(): Promise<{ etcd: string; apiServer: string }> {
  const assets = process.env["KUBEBUILDER_ASSETS"];
  if (!assets) {
    const etcd = join(await buildModule("etcd"), "server");
    return { etcd, apiServer: join(await buildModule("kubernetes", ["kube-apiserver"]), "kube-apiserver") };
  }
  const found = { etcd: join(assets, "etcd"), apiServer: join(assets, "kube-apiserver") };
  for (const file of Object.values(found)) {
    if (!existsSync(file)) {
      throw new ClusterError(
        `KUBEBUILDER_ASSETS is ${assets}, but ${file} is not there: unset it or add the file`,
      );
    }
  }
  return found;
}
