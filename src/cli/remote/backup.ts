import { resolve } from "node:path";
import { visible } from "../../annotations/problems.ts";
import { inParallel } from "../../common/in-parallel.ts";
import { gone, hiddenIn, listTags } from "../artifacts/list.ts";
import { cleanedUp } from "../clean-up.ts";
import { exits } from "../exits.ts";
import { makeLayout, namedOf, readIndex } from "../layout/index-file.ts";
import { type Layout, openLayout } from "../layout/layout.ts";
import { CliError, reasonOf } from "../output.ts";
import type { OpenRegistry } from "./open.ts";
import { heldManifest, type Moved, problemOf, type Transfer, transferAll } from "./transfer.ts";
import { type RemoteOptions, withRegistryOf } from "./with-registry.ts";

/**
 * Copies all tags of a cache into a folder. What the folder has is not read again, and nothing is removed from it.
 *
 * @param folder - an OCI image layout, made if it is not there
 * @param options - of the command
 */
export async function backUp(folder: string, options: RemoteOptions): Promise<Moved> {
  const path = resolve(folder);
  return withRegistryOf({}, options, async (open) => {
    await writing(folder, () => makeLayout(path));
    const before = new Set(
      namedOf(await readIndex(path)).named.map(({ name, digest }) => `${name}@${digest}`),
    );
    const layout = openLayout(path);
    const copy = async (): Promise<Moved> => {
      const tags = await listTags(open.registry, { prefix: open.prefix, hidden: hiddenIn(open.of?.cache) });
      const { transfers, problems } = await transfersOf(open, layout, tags);
      try {
        const { copied, problems: more } = await transferAll(transfers, "Backing up");
        return {
          artifacts: transfers.length,
          copied: copied.filter(({ shown, digest: found }) => !before.has(`${shown}@${found}`)).length,
          bytes: layout.written(),
          problems: [...problems, ...more],
        };
      } finally {
        // What is complete counts, even if the connection is lost.
        await layout.commit();
      }
    };
    return cleanedUp(layout.close, () => writing(folder, copy));
  });
}

/** What the disk refuses, in words. */
async function writing<T>(folder: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const { code = "", syscall } = error as NodeJS.ErrnoException;
    // A firewall refuses with codes of disks.
    if (!ofDisks.includes(code) || syscall === "connect") throw error;
    const message = `${visible(folder)} cannot be written: ${reasonOf(error)}. What is complete is kept: run the backup again when that is resolved.`;
    throw new CliError(message, exits.usage, { cause: error });
  }
}

const ofDisks = [
  ...["ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "EIO", "ESTALE", "EXDEV", "ELOOP"],
  // Somebody else took something away, or put something else there.
  ...["ENOENT", "EEXIST", "ENOTDIR", "EISDIR", "ENOTEMPTY"],
];

async function transfersOf(
  { registry, prefix }: OpenRegistry,
  layout: Layout,
  tags: Awaited<ReturnType<typeof listTags>>,
): Promise<{ transfers: readonly Transfer[]; problems: readonly string[] }> {
  const transfers: Transfer[] = [];
  const problems = await inParallel(tags, async ({ name, tag }) => {
    const repository = name.slice(prefix.length);
    const shown = `${repository}:${tag}`;
    const problem = await problemOf(shown, async () => {
      const digest = await registry.resolve(name, tag);
      const known = digest === undefined ? undefined : await layout.find(digest);
      // What was removed since it was listed is not there.
      const raw = known ?? (await gone(registry.manifest(name, tag), undefined));
      if (raw === undefined) return;
      const [from, to] = [
        { registry, repository: name },
        { registry: layout, repository },
      ];
      const again = () =>
        known ? layout.manifest(repository, raw.digest) : registry.manifest(name, raw.digest);
      transfers.push({ ...heldManifest(raw, shown, again), from, to, tag });
    });
    return problem ?? [];
  });
  return { transfers, problems: problems.flat() };
}
