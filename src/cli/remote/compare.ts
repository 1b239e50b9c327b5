import { type Difference, differences, type Side, toRead } from "../artifacts/diff.ts";
import { type Named, parseArtifact } from "../artifacts/reference.ts";
import { showProgress } from "../show/progress.ts";
import type { OpenRegistry } from "./open.ts";
import { readArtifact } from "./read-artifact.ts";
import { type RemoteOptions, withRegistryOf } from "./with-registry.ts";

/**
 * Compares the files of two artifacts.
 *
 * @param first - as the command names it
 * @param second - in the same registry or another one
 * @param options - of the command
 */
export async function compareArtifacts(
  first: string,
  second: string,
  options: RemoteOptions,
): Promise<readonly Difference[]> {
  const [before, after] = [parseArtifact(first), parseArtifact(second)];
  return withRegistryOf(before, options, (there) =>
    withRegistryOf(after, options, async (here) => {
      const sides: [Side, Side] = [await sideOf(there, before), await sideOf(here, after)];
      const parts = [...toRead(...sides), ...toRead(sides[1], sides[0])];
      const total = parts.reduce((sum, { size, packed }) => sum + (packed === undefined ? 0 : size), 0);
      const progress = showProgress("Comparing", total);
      try {
        return await differences(...sides, progress.add);
      } finally {
        progress.end();
      }
    }),
  );
}

async function sideOf(open: OpenRegistry, named: Named): Promise<Side> {
  const manifest = await readArtifact(open, named);
  return { place: { registry: open.registry, repository: open.prefix + named.repository }, manifest };
}
