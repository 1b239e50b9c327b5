import { resolve } from "node:path";
import { names } from "../../../schema/names.ts";
import { visible } from "../../annotations/problems.ts";
import { inParallel } from "../../common/in-parallel.ts";
import { isRepository, isTag } from "../artifacts/reference.ts";
import { exits } from "../exits.ts";
import { checkLayout, type Named, namedOf, readIndex } from "../layout/index-file.ts";
import { openLayout } from "../layout/layout.ts";
import { programName } from "../name.ts";
import { CliError } from "../output.ts";
import { assertTakes } from "./fullness.ts";
import { blobsOf, heldManifest, type Moved, problemOf, type Transfer, transferAll } from "./transfer.ts";
import { type RemoteOptions, withRegistryOf } from "./with-registry.ts";

/**
 * Pushes what a folder has to a cache. What the cache has is not pushed again, and a tag that names something else there
 * stays as it is: it may be newer.
 *
 * @param folder - an OCI image layout
 * @param options - of the command
 */
export async function restoreFrom(folder: string, options: RemoteOptions): Promise<Moved> {
  const path = resolve(folder);
  await checkLayout(path);
  const { named, problems } = namedOf(await readIndex(path));
  const layout = openLayout(path);
  return withRegistryOf({}, options, async (open) => {
    const { registry, prefix } = open;
    await assertTakes(open, 0);
    const transfers: Transfer[] = [];
    const sizes = new Map<string, number>();
    const found = await inParallel(named, async (entry) => {
      const place = placeOf(entry);
      if (typeof place === "string") return place;
      const { repository, tag } = place;
      const [from, to] = [
        { registry: layout, repository },
        { registry, repository: prefix + repository },
      ];
      const problem = await problemOf(entry.name, async () => {
        const there = await registry.resolve(to.repository, tag);
        if (there === entry.digest) return;
        if (there !== undefined) throw otherThere(entry, there);
        const read = async () => {
          const { mediaType, ...raw } = await layout.manifest(repository, entry.digest);
          return { ...raw, mediaType: entry.mediaType || mediaType };
        };
        const raw = await read();
        for (const { digest, size } of blobsOf(raw, entry.name)) sizes.set(digest, size);
        transfers.push({ ...heldManifest(raw, entry.name, read), from, to, tag });
      });
      return problem ?? [];
    });
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    for (const line of await assertTakes(open, bytes)) console.error(line);
    const { copied, problems: more } = await transferAll(transfers, "Restoring");
    return {
      artifacts: named.length,
      copied: copied.length,
      bytes: copied.reduce((sum, { bytes }) => sum + bytes, 0),
      problems: [...problems, ...found.flat(), ...more],
    };
  });
}

/** Where an entry belongs, or why it cannot be known. */
function placeOf({ name, digest }: Named): { repository: string; tag: string } | string {
  const colon = name.lastIndexOf(":");
  const [repository, tag] = [name.slice(0, colon), name.slice(colon + 1)];
  if (repository === names.stateRepository)
    return `${visible(name)} is the operator's own, and says of one cache what may be false of another: it is not restored.`;
  if (colon > 0 && isRepository(repository) && isTag(tag)) return { repository, tag };
  const shown =
    name === "" ? `The manifest ${digest} has no name` : `The name "${visible(name)}" is none of a cache`;
  return `${shown}, which would be REPOSITORY:TAG, as in dinosaur/bones:v1: push it with oras cp --from-oci-layout.`;
}

function otherThere({ name, digest }: Named, there: string): CliError {
  const message = `the cache has another artifact of that name, ${there}, which stays; the backup has ${digest}. To restore that one, remove the other first: ${programName} rm ${name}`;
  return new CliError(message, exits.failed);
}
