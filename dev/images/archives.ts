import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../cluster/command.ts";
import { cacheFolder } from "../cluster/paths.ts";
import { ClusterError, step } from "../cluster/progress.ts";
import type { StandIn } from "./catalog.ts";
import { writeImage } from "./oci.ts";
import { writeDebian } from "./roots.ts";

const folder = join(cacheFolder, "images");
const recordsFile = join(folder, "images.json");

/** Which archive holds an image. */
export interface Built {
  readonly id: string;
  readonly names: readonly string[];
  readonly archive: string;
}

/** Short hash of everything that an image depends on. */
export function contentKey(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

/**
 * Makes an image unless the cache has one of the same content key, and removes its older ones.
 *
 * @param id - short name
 * @param names - full names
 * @param key - from {@link contentKey}
 * @param make - writes the archive at the path it is given; may return how it went, in words
 */
export async function cached(
  id: string,
  names: readonly string[],
  key: string,
  make: (archive: string) => Promise<string | undefined>,
): Promise<Built> {
  const archive = join(folder, `${id}-${key}.tar`);
  if (!existsSync(archive)) {
    await mkdir(folder, { recursive: true });
    await step(`image ${id}`, () => make(archive));
    const others = (await readdir(folder)).filter(
      (file) => file.startsWith(`${id}-`) && file.endsWith(".tar"),
    );
    const older = others.filter((file) => file.slice(id.length + 1).length === `${key}.tar`.length);
    for (const file of older)
      if (join(folder, file) !== archive) await rm(join(folder, file), { force: true });
  }
  return { id, names, archive };
}

/** The names of an image in its archive. Images that only serve to build others have one name that no Pod uses. */
export function tagsOf(id: string, names: readonly string[]): readonly string[] {
  return names.length > 0 ? names : [`localhost/${id}:latest`];
}

/** Makes one of the catalog's images. */
export async function makeStandIn(image: StandIn): Promise<Built> {
  const { id, names, config, depends, content } = image;
  const made = "folder" in content ? content.folder.toString() : content.debian;
  return cached(id, names, contentKey([names, config, depends, made]), async (archive) => {
    const work = await mkdtemp(`${archive}.work.`);
    try {
      const tar = join(work, "layer.tar");
      if ("debian" in content) await writeDebian(content.debian, tar);
      else {
        const root = join(work, "root");
        await mkdir(root);
        await content.folder(root);
        const sameEverywhere = ["--sort=name", "--mtime=@0", "--numeric-owner", "--format=gnu"];
        await run(["tar", "-C", root, ...sameEverywhere, "-cf", tar, "."]);
      }
      await writeImage(archive, tagsOf(id, names), tar, config);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    return undefined;
  });
}

/** Remembers which archive holds which image. */
export async function remember(built: readonly Built[]): Promise<void> {
  const records = { ...(await readRecords()) };
  for (const { names, archive } of built) for (const name of names) records[name] = archive;
  await writeFile(`${recordsFile}.new`, JSON.stringify(records, null, 2));
  await rename(`${recordsFile}.new`, recordsFile);
}

/**
 * The archive of an image that was built before.
 *
 * @param name - its full name
 */
export async function archiveOf(name: string): Promise<string> {
  const records = await readRecords();
  const archive = records[name];
  if (archive && existsSync(archive)) return archive;
  const known = Object.keys(records).toSorted().join("\n  ");
  throw new ClusterError(
    `no image ${name} was built here. Run: node dev/images.ts\nBuilt so far:\n  ${known || "none"}`,
  );
}

async function readRecords(): Promise<Record<string, string>> {
  try {
    return JSON.parse(await readFile(recordsFile, "utf8")) as Record<string, string>;
  } catch {
    return {};
  }
}
