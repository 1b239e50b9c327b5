import { glob, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../cluster/command.ts";
import { cacheFolder, repository } from "../cluster/paths.ts";
import { ClusterError } from "../cluster/progress.ts";
import { buildAgent } from "./agent.ts";
import { type Built, cached, contentKey, tagsOf } from "./archives.ts";
import { ourImages } from "./catalog.ts";
import { packLayout } from "./oci.ts";

/** A target of the Dockerfile. */
export type Target = keyof typeof ourImages;

const ofAgent = ["Dockerfile", "agent/go.{mod,sum}", "agent/**/*.go"] as const;

/** Files that each target of the Dockerfile is made of, or that what it copies is made of. */
const sources: Readonly<Record<Target, readonly string[]>> = {
  agent: ofAgent,
  scripts: ofAgent,
  operator: [
    ...["Dockerfile", "package.json", "package-lock.json", "tsup.config.ts"],
    ...["src/**/*.ts", "schema/*.ts", "generated/**/*.{ts,js,json}"],
  ],
};

/** Arguments of the Dockerfile that name a base, and the image of the catalog that stands in for it where one is used. */
export const bases = {
  ORAS_IMAGE: "oras",
  BUSYBOX_IMAGE: "busybox",
  NODE_IMAGE: "node",
  OPERATOR_BASE: "operator-base",
  GO_IMAGE: undefined,
} as const;

/** The bases of each target. */
const basesOf: Readonly<Record<Target, readonly (keyof typeof bases)[]>> = {
  agent: ["ORAS_IMAGE"],
  scripts: ["ORAS_IMAGE", "BUSYBOX_IMAGE"],
  operator: ["NODE_IMAGE", "OPERATOR_BASE"],
};

/** What Pods run must stay small: each node pulls it before its first annotated Pod. */
const limitMebibytes: Readonly<Partial<Record<Target, number>>> = { agent: 8 };

/**
 * Builds a target of the Dockerfile with buildah, on bases that were made here.
 *
 * @param target - of the Dockerfile
 * @param standIn - makes an image of the catalog
 */
export async function makeOurs(target: Target, standIn: (id: string) => Promise<Built>): Promise<Built> {
  const name = ourImages[target];
  const images = new Map<string, string>();
  for (const arg of basesOf[target]) {
    const id = bases[arg];
    if (id) images.set(arg, inArchive(await standIn(id)));
  }
  const key = contentKey([name, await contents(sources[target]), [...images.values()]]);
  return cached(target, [name], key, async (archive) => {
    if (target === "operator") await run(["npm", "run", "build"], { cwd: repository });
    if (target === "agent" || target === "scripts") await buildAgent(join(repository, "dist/agent"));
    const bytes = await build(target, images, archive, name);
    const size = `${(bytes / 2 ** 20).toFixed(1)} MiB compressed`;
    const limit = limitMebibytes[target];
    if (limit && bytes > limit * 2 ** 20) {
      await rm(archive);
      throw new ClusterError(`the image ${target} has grown to ${size}; its limit is ${limit} MiB`);
    }
    return `built, ${size}`;
  });
}

/** How buildah finds an image that was made here; an archive lists it once for each of its names. */
function inArchive({ id, names, archive }: Built): string {
  const [first] = tagsOf(id, names);
  return `oci-archive:${archive}:${first}`;
}

/** The same with Docker, on the public bases that the Dockerfile names. */
export async function makeWithDocker(target: Target): Promise<Built> {
  const name = ourImages[target];
  const key = contentKey(["docker", name, await contents(sources[target])]);
  return cached(target, [name], key, async (archive) => {
    await run(["docker", "build", "--quiet", `--target=${target}`, `--tag=${name}`, repository]);
    await run(["docker", "save", `--output=${archive}`, name]);
    return "built";
  });
}

async function build(
  target: Target,
  images: ReadonlyMap<string, string>,
  archive: string,
  name: string,
): Promise<number> {
  const work = await mkdtemp(join(cacheFolder, "buildah."));
  const buildah = ["buildah", "--storage-driver=vfs", `--root=${work}/root`, `--runroot=${work}/run`];
  const tag = `localhost/${target}:built`;
  try {
    // buildah looks the base of every stage up, also of those that the target does not need.
    const from = Object.keys(bases).map((arg) => `${arg}=${images.get(arg) ?? "scratch"}`);
    const args = [...from, "BUNDLE=prebuilt", "AGENT=prebuilt-agent"].map((arg) => `--build-arg=${arg}`);
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
  for await (const file of glob([...patterns], { cwd: repository })) {
    if (!file.endsWith("_test.go")) files.add(file);
  }
  return Promise.all(
    [...files].toSorted().map(async (file): Promise<[string, string]> => {
      return [file, await readFile(join(repository, file), "utf8")];
    }),
  );
}
