import { once } from "node:events";
import { relative, resolve } from "node:path";
import type { Writable } from "node:stream";
import { visible } from "../../annotations/problems.ts";
import { catFile } from "../artifacts/cat.ts";
import { getFiles } from "../artifacts/get.ts";
import { formatNamed, parseArtifact } from "../artifacts/reference.ts";
import { RegistryError } from "../oci/errors.ts";
import { reasonOf } from "../output.ts";
import { showProgress } from "../show/progress.ts";
import { shortSize } from "../show/sizes.ts";
import { readArtifact } from "./read-artifact.ts";
import { type RemoteOptions, withRegistryOf } from "./with-registry.ts";

/**
 * Puts the files of an artifact into a folder.
 *
 * @param artifact - as the command names it
 * @param folder - that they are put into
 * @param options - of the command
 * @returns the line that says what was done
 */
export async function getArtifact(artifact: string, folder: string, options: RemoteOptions): Promise<string> {
  const named = parseArtifact(artifact);
  const shown = formatNamed(named);
  return withRegistryOf(named, options, async (open) => {
    const manifest = await readArtifact(open, named);
    const progress = showProgress(`Getting ${shown}`, manifest.bytes);
    try {
      const place = { registry: open.registry, repository: open.prefix + named.repository };
      const files = await getFiles(place, manifest, { folder: resolve(folder), shown }, toldBy(progress));
      const where = relative(".", folder) || ".";
      return `Got ${shown}: ${files} ${files === 1 ? "file" : "files"}, ${shortSize(manifest.bytes)}, in ${where} (${manifest.digest})`;
    } finally {
      progress.end();
    }
  });
}

/**
 * Prints one file of an artifact.
 *
 * @param artifact - as the command names it
 * @param path - of the file
 * @param options - of the command
 * @param out - where to
 */
export async function printFile(
  artifact: string,
  path: string | undefined,
  options: RemoteOptions,
  out: Writable,
): Promise<void> {
  const named = parseArtifact(artifact);
  const shown = formatNamed(named);
  await withRegistryOf(named, options, async (open) => {
    const manifest = await readArtifact(open, named);
    const place = { registry: open.registry, repository: open.prefix + named.repository };
    const told = { onRetry: (error: unknown) => console.error(brokenLine(error)) };
    for await (const chunk of catFile(place, manifest, { path, shown }, told)) {
      if (!out.write(chunk)) await once(out, "drain");
    }
  });
}

/** Says what breaks while bytes come, and counts them. */
export function toldBy(progress: ReturnType<typeof showProgress>) {
  return {
    onBytes: progress.add,
    onRetry: (error: unknown) => progress.note(brokenLine(error)),
  };
}

function brokenLine(error: unknown): string {
  // The reason may be the registry's own words.
  const reason = reasonOf(error);
  return visible(
    error instanceof RegistryError
      ? `The registry answers ${reason}; trying again.`
      : `The connection to the registry broke (${reason}); going on where it broke.`,
  );
}
