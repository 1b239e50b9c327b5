import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that lasts as long as the test process. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `oras-operator-${name}-`));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
process.on("exit", () => removeTemporaryFolders(0));

/** How many temporary folders there are. */
export const temporaryFolders = () => folders.length;

/**
 * Removes temporary folders before their time.
 *
 * @param count - how many of the oldest stay
 */
export function removeTemporaryFolders(count: number): void {
  for (const folder of folders.splice(count)) rmSync(folder, { recursive: true, force: true });
}
