import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { attempt, run } from "./command.ts";
import { withLock } from "./lock.ts";
import { programName, readGoModule, versionFlags } from "./modules.ts";
import { cacheFolder } from "./paths.ts";
import { ClusterError, step } from "./progress.ts";

const modulesFolder = join(import.meta.dirname, "modules");

/** The folders of dev/cluster/modules that a cluster is made of. The longest to build comes last. */
export const clusterModules = [
  "oras",
  "etcd",
  "registry",
  "containerd",
  "helm",
  "coredns",
  "kube-router",
  "kubernetes",
] as const;

/** Versions of the API server, beside the cluster's, that `make test-versions` runs the tests against. */
export const olderKubernetes = ["1.30", "1.34"] as const;

/** A folder of dev/cluster/modules: what is built from Go modules. */
export type ModuleName =
  | (typeof clusterModules)[number]
  | `kubernetes-${(typeof olderKubernetes)[number]}`
  | "actionlint"
  | "cert-manager"
  | "cosign"
  | "kueue"
  | "registries"
  | "versitygw";

/**
 * Builds the programs of a module unless the cache has them, and returns the folder that holds them.
 *
 * @param name - folder of dev/cluster/modules
 * @param only - names of the programs that are needed; all when absent
 * @param architecture - as Go names it; this machine's when absent
 */
export async function buildModule(
  name: ModuleName,
  only?: readonly string[],
  architecture?: string,
): Promise<string> {
  const source = join(modulesFolder, name);
  const file = join(source, "go.mod");
  const { packages, version } = readGoModule(await readFile(file, "utf8"), file);
  const parts = [name, version, ...(await ownSource(source))];
  // Tests look for programs of this machine by their names and versions: none for others is beside them.
  const folder = join(cacheFolder, "bin", architecture ?? "", parts.join("-"));
  const wanted = packages.filter((path) => !only || only.includes(programName(path)));
  const missing = () => wanted.filter((path) => !existsSync(join(folder, programName(path))));
  if (missing().length === 0) return folder;
  await requireGo();
  await withLock(join(cacheFolder, "locks", name), async () => {
    const toBuild = missing();
    if (toBuild.length === 0) return;
    await step(`build ${name} ${version}`, () =>
      build(source, folder, toBuild, versionFlags(name, version), architecture),
    );
  });
  return folder;
}

/** A short hash of a module's own main package, for the name of its folder in the cache; none where it has none. */
async function ownSource(folder: string): Promise<string[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".go")).toSorted();
  if (files.length === 0) return [];
  const hash = createHash("sha256");
  for (const name of files) hash.update(await readFile(join(folder, name)));
  return [hash.digest("hex").slice(0, 8)];
}

async function build(
  source: string,
  folder: string,
  packages: readonly string[],
  flags: string,
  architecture?: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  // Built aside and then moved: an interrupted build never leaves half a program in the cache.
  const aside = await mkdtemp(`${folder}.`);
  try {
    // Nobody debugs them: without DWARF the compiler has 7 % less to do.
    const options = ["-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", "-ldflags", flags];
    await run(["go", "build", ...options, "-o", `${aside}/`, ...packages], {
      cwd: source,
      env: { CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off", ...(architecture && { GOARCH: architecture }) },
    });
    for (const path of packages) {
      await rename(join(aside, programName(path)), join(folder, programName(path)));
    }
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** Says what to install where Go is missing. */
export async function requireGo(): Promise<void> {
  const found = await attempt(["go", "version"]);
  if (found.code !== undefined) return;
  throw new ClusterError(
    "Go is not installed (no `go` in PATH). Install Go 1.26 or newer: https://go.dev/dl/",
  );
}

/**
 * The path of one of a control plane's programs: in KUBEBUILDER_ASSETS, which setup-envtest fills, else built.
 * ORAS_OPERATOR_API_SERVER asks for an API server of {@link olderKubernetes}.
 *
 * @param name - of the program
 * @throws ClusterError when KUBEBUILDER_ASSETS is set and the program is not there, and for any other version
 */
export async function controlPlaneProgram(
  name: "etcd" | "kube-apiserver" | "kube-controller-manager" | "kubectl",
): Promise<string> {
  const version = process.env["ORAS_OPERATOR_API_SERVER"];
  if (version && (name === "kube-apiserver" || name === "kube-controller-manager")) {
    const older = olderKubernetes.find((known) => known === version);
    if (older) return join(await buildModule(`kubernetes-${older}`), name);
    throw new ClusterError(
      `ORAS_OPERATOR_API_SERVER is ${version}; allowed: ${olderKubernetes.join(", ")}, or unset for the cluster's version`,
    );
  }
  const assets = process.env["KUBEBUILDER_ASSETS"];
  // It is none of these assets.
  if (!assets || name === "kube-controller-manager") {
    return name === "etcd"
      ? join(await buildModule("etcd"), "server")
      : join(await buildModule("kubernetes", [name]), name);
  }
  const file = join(assets, name);
  if (existsSync(file)) return file;
  throw new ClusterError(
    `KUBEBUILDER_ASSETS is ${assets}, but ${file} is not there: unset it or add the file`,
  );
}
