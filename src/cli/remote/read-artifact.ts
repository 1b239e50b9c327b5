import { inParallel } from "../../common/in-parallel.ts";
import { mostParts } from "../../workflow/output-index.ts";
import { type ArtifactManifest, joined, readManifest, referencesOf } from "../artifacts/manifest.ts";
import { formatNamed, type Named } from "../artifacts/reference.ts";
import { exits } from "../exits.ts";
import { RegistryError } from "../oci/errors.ts";
import type { RawManifest } from "../oci/types.ts";
import { CliError } from "../output.ts";
import { findArtifact } from "./find-artifact.ts";
import type { OpenRegistry } from "./open.ts";

/** All are held in memory; steps take no more. */
const mostPartBytes = 32 * 2 ** 20;

/**
 * What the files of an artifact are. Of an index, those of all its parts in its order, as a step gets them.
 *
 * @param open - where it is
 * @param named - with tag or digest
 * @throws CliError where it is not there, or has no files
 */
export async function readArtifact(open: OpenRegistry, named: Named): Promise<ArtifactManifest> {
  const shown = formatNamed(named);
  const raw = await findArtifact(open, named);
  const manifest = readManifest(raw, shown);
  const whole = manifest.other === "index" ? await readParts(open, named, raw, manifest) : manifest;
  if (whole.other === undefined) return whole;
  const message = `${shown} has no files: none of its layers has a file name. It may be a container image.`;
  throw new CliError(message, exits.failed);
}

async function readParts(
  open: OpenRegistry,
  named: Named,
  raw: RawManifest,
  index: ArtifactManifest,
): Promise<ArtifactManifest> {
  const shown = formatNamed(named);
  const failed = (because: string) => new CliError(`${shown} is an index ${because}.`, exits.failed);
  const digests = referencesOf(raw, shown).manifests.map(({ digest }) => digest);
  if (digests.length > mostParts)
    throw failed(`of ${digests.length} manifests, and ${mostParts} is the most`);
  let size = 0;
  const read = async (digest: string): Promise<[string, ArtifactManifest]> => {
    const part = await open.registry
      .manifest(open.prefix + named.repository, digest)
      .catch((error: unknown) => {
        if (error instanceof RegistryError && error.status === 404)
          throw failed(`whose part ${digest} is not there`);
        throw error;
      });
    size += part.bytes.length;
    if (size > mostPartBytes) throw failed(`whose manifests have more than ${mostPartBytes >> 20} MiB`);
    const manifest = readManifest(part, `${named.repository}@${digest}`);
    if (manifest.other === "index") throw failed(`whose part ${digest} is an index again`);
    return [digest, manifest];
  };
  const parts = new Map(await inParallel([...new Set(digests)], read));
  return joined(
    index,
    digests.flatMap((digest) => parts.get(digest) ?? []),
    shown,
  );
}
