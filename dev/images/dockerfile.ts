import { glob, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../cluster/command.ts";
import { cacheFolder, repository } from "../cluster/paths.ts";
import { ClusterError } from "../cluster/progress.ts";
import { type Built, cached, contentKey } from "./archives.ts";
import { ourImages } from "./catalog.ts";
import { packLayout } from "./oci.ts";

/** Files that each target of the Dockerfile is made of, or that what it copies is made of. */
const sources = {
  tools: ["Dockerfile", "dev/images/assemble-tools.sh", "src/sidecar/*.{sh,c}", "generated/*.sh"],
  operator: [
    ...["Dockerfile", "package.json", "package-lock.json", "tsup.config.ts"],
    ...["src/**/*.ts", "schema/*.ts", "generated/**/*.{ts,js,json}"],
  ],
} as const;

/** The tools image must stay small: each node pulls it before its first annotated Pod. */
const toolsLimitBytes = 15 * 2 ** 20;

/**
 * Builds a target of the Dockerfile with buildah, on bases that were made here.
 *
 * @param target - of the Dockerfile
 * @param bases - archives of the images that its arguments name
 */
export async function makeOurs(
  target: keyof typeof sources,
  bases: Readonly<Record<string, Built>>,
): Promise<Built> {
  const key = contentKey([
    ourImages[target],
    await contents(sources[target]),
    Object.values(bases).map((base) => base.archive),
  ]);
  const name = ourImages[target];
  return cached(target, [name], key, async (archive) => {
    if (target === "operator") await run(["npm", "run", "build"], { cwd: repository });
    const bytes = await build(target, bases, archive, name);
    const size = `${(bytes / 2 ** 20).toFixed(1)} MiB compressed`;
    if (target === "tools" && bytes > toolsLimitBytes) {
      await rm(archive);
      throw new ClusterError(
        `the tools image has grown to ${size}; its limit is ${toolsLimitBytes / 2 ** 20} MiB`,
      );
    }
    return `built, ${size}`;
  });
}

/** The same with Docker, on the public bases that the Dockerfile names. */
export async function makeWithDocker(target: keyof typeof sources): Promise<Built> {
  const name = ourImages[target];
  const key = contentKey(["docker", name, await contents(sources[target])]);
  return cached(target, [name], key, async (archive) => {
    await run(["docker", "build", "--quiet", `--target=${target}`, `--tag=${name}`, repository]);
    await run(["docker", "save", `--output=${archive}`, name]);
    return "built";
  });
}

async function build(
  target: string,
  bases: Readonly<Record<string, Built>>,
  archive: string,
  name: string,
): Promise<number> {
  const work = await mkdtemp(join(cacheFolder, "buildah."));
  const buildah = ["buildah", "--storage-driver=vfs", `--root=${work}/root`, `--runroot=${work}/run`];
  const tag = `localhost/${target}:built`;
  try {
    const images = Object.entries(bases).map(([arg, base]) => `${arg}=oci-archive:${base.archive}`);
    const args = [...images, "BUNDLE=prebuilt"].map((arg) => `--build-arg=${arg}`);
    await run([
      ...[...buildah, "bud", "--isolation=chroot", "--layers=false", "--timestamp=0", "--network=host"],
      ...["--pull-never", ...args, `--target=${target}`, `--tag=${tag}`, "--file=Dockerfile", repository],
    ]);
    await run([...buildah, "push", "--quiet", tag, `oci:${work}/layout:built`]);
    return await packLayout(`${work}/layout`, archive, [name]);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function contents(patterns: readonly string[]): Promise<[file: string, text: string][]> {
  const files = new Set<string>();
  for await (const file of glob([...patterns], { cwd: repository })) files.add(file);
  return Promise.all(
    [...files].toSorted().map(async (file): Promise<[string, string]> => {
      return [file, await readFile(join(repository, file), "utf8")];
    }),
  );
}
