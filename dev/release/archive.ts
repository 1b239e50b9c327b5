import { mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../cluster/command.ts";

/**
 * Packs what `fill` writes, with nothing in it of this machine, its user or the present.
 *
 * @param file - to write; compressed unless its name ends in .tar
 * @param seconds - the time of everything in it
 * @param fill - writes into a folder
 */
export async function inArchive(
  file: string,
  seconds: number,
  fill: (content: string) => Promise<void>,
): Promise<void> {
  const content = await mkdtemp(join(tmpdir(), "oras-operator-release-"));
  try {
    await fill(content);
    const same = ["--sort=name", `--mtime=@${seconds}`, "--owner=0", "--group=0", "--numeric-owner"];
    const tar = file.endsWith(".tar") ? file : `${file}.tar`;
    const names = (await readdir(content)).sort();
    await run(["tar", "-C", content, ...same, "--mode=u=rwX,go=rX", "-cf", tar, ...names]);
    if (tar === file) return;
    await run(["gzip", "--no-name", "--force", tar]);
    await rename(`${tar}.gz`, file);
  } finally {
    await rm(content, { recursive: true });
  }
}
