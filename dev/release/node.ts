import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../cluster/command.ts";
import { cacheFolder } from "../cluster/paths.ts";
import { ClusterError } from "../cluster/progress.ts";
import type { Architecture, NodePackage } from "./pins.ts";

/** The npm package that has Node's program for an architecture. */
export function nodePackage(architecture: Architecture): string {
  return `node-linux-${architecture === "amd64" ? "x64" : architecture}`;
}

/**
 * Writes Node's program and its licence.
 *
 * @param pinned - which
 * @param program - file to write
 * @param licence - file to write
 */
export async function writeNode(pinned: NodePackage, program: string, licence: string): Promise<void> {
  const archive = await fetchPackage(pinned);
  const work = await mkdtemp(join(tmpdir(), "oras-operator-node-"));
  try {
    await run(["tar", "-C", work, "-xzf", archive, "package/bin/node", "package/LICENSE"]);
    await copyFile(join(work, "package/bin/node"), program);
    await copyFile(join(work, "package/LICENSE"), licence);
  } finally {
    await rm(work, { recursive: true });
  }
}

async function fetchPackage({ name, version, integrity }: NodePackage): Promise<string> {
  const folder = join(cacheFolder, "node");
  const archive = join(folder, `${name}-${version}.tgz`);
  if (!existsSync(archive)) {
    await mkdir(folder, { recursive: true });
    const work = await mkdtemp(join(folder, "pack."));
    try {
      await run(["npm", "pack", "--silent", `${name}@${version}`, `--pack-destination=${work}`]);
      await rename(join(work, `${name}-${version}.tgz`), archive);
    } finally {
      await rm(work, { recursive: true });
    }
  }
  const found = `sha512-${createHash("sha512")
    .update(await readFile(archive))
    .digest("base64")}`;
  if (found === integrity) return archive;
  throw new ClusterError(`${archive} has the integrity ${found}; the release is pinned to ${integrity}`);
}
