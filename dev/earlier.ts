// Earlier versions of the operator, from which tests upgrade: their images, their YAML and their chart.
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { names } from "../schema/names.ts";
import { attempt, run } from "./cluster/command.ts";
import { cacheFolder, repository } from "./cluster/paths.ts";
import { ClusterError } from "./cluster/progress.ts";

/** An earlier version. */
export interface Earlier {
  /** Its last commit. */
  readonly commit: string;
  readonly what: string;
  /** Whether its OrasCaches know `spec.storage`. */
  readonly hasVolumes: boolean;
}

export const earlierVersions: readonly Earlier[] = [
  { commit: "5c54904", what: "open registries in an emptyDir alone, no keeper", hasVolumes: false },
  { commit: "79160a2", what: "closed registries, with a keeper on a volume", hasVolumes: true },
];

/** Where the files of a version are: the repository as it was, and beside it what its images were built with. */
export function folderOf({ commit }: Earlier): string {
  return join(cacheFolder, "earlier", commit, "repository");
}

/**
 * Builds the images of a version, under tags of its own, and loads them into the cluster; writes its YAML, and a chart that
 * installs the same.
 *
 * @param earlier - which
 * @returns how it went, in words
 */
export async function prepareEarlier(earlier: Earlier): Promise<string> {
  const { commit } = earlier;
  const tree = folderOf(earlier);
  if (!existsSync(tree)) await extract(commit, tree);
  // The packages have only become more since. The clone that was here before may be gone, and its packages with it.
  await rm(join(tree, "node_modules"), { force: true });
  await symlink(join(repository, "node_modules"), join(tree, "node_modules"));
  const cache = join(tree, "..", "cache");
  await mkdir(cache, { recursive: true });
  // It would remove the images of today from the cache that it shared. Programs are the same.
  if (!existsSync(join(cache, "bin"))) await symlink(join(cacheFolder, "bin"), join(cache, "bin"));
  const tagged = (repositoryOfImage: string) => `${repositoryOfImage}:${commit}`;
  const env = {
    ORAS_OPERATOR_CACHE: cache,
    IMG: tagged(names.operatorImageRepository),
    AGENT_IMG: tagged(names.agentImageRepository),
    SCRIPTS_IMG: tagged(names.scriptsImageRepository),
  };
  const only = ["operator", "agent", "scripts"].flatMap((id) => ["--only", id]);
  await run([process.execPath, "dev/images.ts", ...only, "--load"], { cwd: tree, env });
  await run([process.execPath, "scripts/build-config.ts"], { cwd: tree, env });
  return "loaded";
}

async function extract(commit: string, tree: string): Promise<void> {
  if ((await attempt(["git", "cat-file", "-e", `${commit}^{commit}`], { cwd: repository })).code !== 0) {
    throw new ClusterError(
      `this clone does not have the commit ${commit}; in a shallow one, run: git fetch --unshallow`,
    );
  }
  const unfinished = `${tree}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  const archive = join(unfinished, "..", "repository.tar");
  await run(["git", "archive", `--output=${archive}`, commit], { cwd: repository });
  await run(["tar", "-C", unfinished, "-xf", archive]);
  await rm(archive);
  // By default, a chart's images have its appVersion as their tag.
  const chart = join(unfinished, "chart/Chart.yaml");
  const text = await readFile(chart, "utf8");
  await writeFile(chart, text.replace(/^appVersion: .*$/m, `appVersion: "${commit}"`));
  await rename(unfinished, tree);
}
