import { quoted } from "../../annotations/problems.ts";
import { inParallel } from "../../common/in-parallel.ts";
import { copyArtifact } from "../artifacts/copy.ts";
import type { Place } from "../artifacts/get.ts";
import { readManifest, referencesOf } from "../artifacts/manifest.ts";
import { lookAt } from "../artifacts/pack.ts";
import { pushPacked, withPacked } from "../artifacts/put.ts";
import { formatNamed, type Named, parseArtifact, parseNamed, versionOf } from "../artifacts/reference.ts";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";
import { showProgress } from "../show/progress.ts";
import { shortSize } from "../show/sizes.ts";
import { findArtifact } from "./find-artifact.ts";
import { assertTakes } from "./fullness.ts";
import { toldBy } from "./get.ts";
import { type RemoteOptions, withRegistryOf } from "./with-registry.ts";

/**
 * Pushes a folder or a file.
 *
 * @param path - of it
 * @param artifact - that it becomes
 * @param options - of the command
 * @returns the line that says what was done
 */
export async function storeArtifact(path: string, artifact: string, options: RemoteOptions): Promise<string> {
  const named = tagged(artifact);
  const shown = formatNamed(named);
  const source = lookAt(path);
  for (const left of source.skipped)
    console.error(`${left} is neither a file, a folder nor a link; it is left out.`);
  return withRegistryOf(named, options, async (open) => {
    const place = { registry: open.registry, repository: open.prefix + named.repository };
    await assertTakes(open, 0);
    const before = await open.registry.resolve(place.repository, named.tag);
    const packing = showProgress(`Packing ${source.title}`, source.bytes);
    return withPacked(source, packing.add, async (packed) => {
      packing.end();
      warn(await assertTakes(open, await missingBytes(place, [packed.blob])));
      const progress = showProgress(`Putting ${shown}`, packed.blob.size);
      try {
        const digest = await pushPacked(place, named.tag, packed, source, toldBy(progress));
        return `Put ${shown}: ${shortSize(packed.blob.size)} (${digest})${moved(before, digest)}`;
      } finally {
        progress.end();
      }
    }).finally(packing.end);
  });
}

/**
 * Copies an artifact from one registry to another.
 *
 * @param source - the artifact
 * @param target - what it is to be there; without a tag it keeps its own
 * @param options - of the command
 * @returns the line that says what was done
 */
export async function copyBetween(source: string, target: string, options: RemoteOptions): Promise<string> {
  const from = parseArtifact(source);
  const written = parseNamed(target);
  const to: Named = versionOf(written) === undefined ? { ...written, ...versionIn(from) } : written;
  const [shownFrom, shownTo] = [formatNamed(from), formatNamed(to)];
  if (shownFrom === shownTo) throw new CliError(`${shownFrom} is the artifact itself.`, exits.usage);
  return withRegistryOf(from, options, (there) =>
    withRegistryOf(to, options, async (here) => {
      await assertTakes(here, 0);
      const raw = await findArtifact(there, from);
      if (to.digest !== undefined && to.digest !== raw.digest) {
        throw new CliError(
          `${shownFrom} has the digest ${raw.digest}, not that of ${shownTo}.`,
          exits.failed,
        );
      }
      const { bytes } = readManifest(raw, shownFrom);
      const place = { registry: here.registry, repository: here.prefix + to.repository };
      const reference = to.tag ?? raw.digest;
      const before = await here.registry.resolve(place.repository, reference);
      warn(await assertTakes(here, await missingBytes(place, referencesOf(raw, shownFrom).blobs)));
      const progress = showProgress(`Copying ${shownFrom}`, bytes);
      try {
        await copyArtifact(
          { registry: there.registry, repository: there.prefix + from.repository },
          place,
          raw,
          { reference, shown: shownFrom },
          toldBy(progress),
        );
      } finally {
        progress.end();
      }
      return `Copied ${shownFrom} to ${shownTo}: ${shortSize(bytes)} (${raw.digest})${moved(before, raw.digest)}`;
    }),
  );
}

/** What a registry has already takes no more of its room. */
async function missingBytes(
  { registry, repository }: Place,
  blobs: readonly { readonly digest: string; readonly size: number }[],
): Promise<number> {
  const missing = await inParallel(blobs, async ({ digest, size }) =>
    (await registry.hasBlob(repository, digest)) ? 0 : size,
  );
  return missing.reduce((sum, size) => sum + size, 0);
}

function warn(lines: readonly string[]): void {
  for (const line of lines) console.error(line);
}

/** What was replaced, for whoever wants it back: the registry still has it under its digest. */
function moved(before: string | undefined, now: string): string {
  return before === undefined || before === now ? "" : `; the tag was ${before} before`;
}

function versionIn({ tag, digest }: Named): Pick<Named, "tag" | "digest"> {
  return { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** What is pushed gets a tag; a digest is what comes of it. */
export function tagged(artifact: string): Named & { readonly tag: string } {
  const { digest, tag, ...rest } = parseNamed(artifact);
  if (tag !== undefined && digest === undefined) return { ...rest, tag };
  const fault =
    digest === undefined
      ? `a tag is missing; write ${artifact}:TAG, as in ${artifact}:v1`
      : "give it a tag, not a digest, which follows from its files";
  throw new CliError(`Artifact ${quoted(artifact)}: ${fault}.`, exits.usage);
}
