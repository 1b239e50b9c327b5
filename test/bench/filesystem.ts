import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Makes a fresh journaled filesystem, as nodes have one, and lets temporary folders lie there. A machine's own may have
 * no journal, and make files slowly soon after others were deleted. It lies in memory, so that the speed of a disk, and
 * what else the machine writes to it, is in no measurement.
 *
 * @param gibibytes - its size; only what is written takes room
 * @returns what takes it away again
 */
export function freshFilesystem(gibibytes: number): () => void {
  const before = process.env["TMPDIR"];
  const folder = mkdtempSync("/dev/shm/oras-operator-bench-");
  const image = join(folder, "image");
  const mounted = join(folder, "mounted");
  execFileSync("mkdir", [mounted]);
  writeFileSync(image, "");
  truncateSync(image, gibibytes * 2 ** 30);
  execFileSync("mkfs.ext4", ["-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", image]);
  execFileSync("mount", ["-o", "loop,noatime,discard", image, mounted]);
  process.env["TMPDIR"] = mounted;
  return () => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    execFileSync("umount", ["--lazy", mounted]);
    rmSync(folder, { recursive: true, force: true });
  };
}
