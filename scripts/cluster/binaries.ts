import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseModule } from "./go-module.ts";
import { cacheFolder, repository } from "./paths.ts";
import { run, say } from "./process.ts";

/** The Go modules of scripts/cluster/modules. */
export type ModuleName = "kubernetes" | "etcd" | "containerd" | "oras" | "registry" | "coredns" | "helm";

/** Linker flags that stamp a version, where a program has nothing else to tell it. */
const stamps: Partial<Record<ModuleName, (version: string) => string>> = {
  kubernetes: (version) =>
    ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"]
      .map((name) => `-X ${name}.gitVersion=${version}`)
      .join(" "),
  oras: (version) =>
    `-X oras.land/oras/internal/version.Version=${version.slice(1)} -X oras.land/oras/internal/version.BuildMetadata=`,
};

/**
 * Builds the programs of a Go module, unless they are in the cache already.
 *
 * @param name - folder below scripts/cluster/modules
 * @param only - last elements of the packages to build; all of the module's tools when left out
 * @returns the folder that holds the programs
 * @throws Error with Go's own output
 */
export async function buildModule(name: ModuleName, only?: readonly string[]): Promise<string> {
  const source = join(repository, "scripts/cluster/modules", name);
  const { version, tools } = parseModule(readFileSync(join(source, "go.mod"), "utf8"));
  const folder = join(cacheFolder, "bin", `${name}-${version}`);
  const wanted = tools.filter((tool) => only === undefined || only.some((end) => tool.endsWith(`/${end}`)));
  const missing = wanted.filter((tool) => !existsSync(join(folder, programName(tool))));
  if (missing.length === 0) return folder;

  const started = Date.now();
  say(`building ${name} ${version}: ${missing.map(programName).join(", ")} (once; kept in ${cacheFolder})`);
  const building = `${folder}.building-${process.pid}`;
  mkdirSync(building, { recursive: true });
  const flags = `-s -w ${stamps[name]?.(version) ?? ""}`;
  await run(
    ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", `${building}/`, ...missing],
    { cwd: source, env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" } },
  );
  mkdirSync(folder, { recursive: true });
  for (const tool of missing) renameSync(join(building, programName(tool)), join(folder, programName(tool)));
  rmSync(building, { recursive: true });
  say(`built ${name} in ${Math.round((Date.now() - started) / 1000)} s`);
  return folder;
}

/** What `go build` calls the program of a package: its last element that is not a major version. */
export function programName(tool: string): string {
  const parts = tool.split("/");
  const last = parts.at(-1) ?? "";
  return /^v[0-9]+$/.test(last) ? (parts.at(-2) ?? last) : last;
}
