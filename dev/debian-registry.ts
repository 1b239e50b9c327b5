// distribution 2.8 of Debian, which is nowhere installed: the package would start it as a service
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./cluster/command.ts";
import { cacheFolder } from "./cluster/paths.ts";
import { ClusterError } from "./cluster/progress.ts";

/**
 * Gets the program for as long as something runs.
 *
 * @param use - is given its path
 */
export async function withDebianRegistry(use: (program: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(cacheFolder, "debian-registry-"));
  try {
    await run(["apt-get", "download", "docker-registry"], { cwd: folder });
    const file = (await readdir(folder)).find((name) => name.endsWith(".deb"));
    if (file === undefined) throw new ClusterError("apt-get download docker-registry left no file");
    await run(["dpkg-deb", "--extract", file, "."], { cwd: folder });
    await use(join(folder, "usr/bin/docker-registry"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
