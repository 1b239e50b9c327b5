import { nearest } from "../../annotations/nearest.ts";
import { formatNamed, type Named, versionOf } from "../artifacts/reference.ts";
import { exits } from "../exits.ts";
import { programName } from "../name.ts";
import { RegistryError } from "../oci/errors.ts";
import type { RawManifest } from "../oci/types.ts";
import { CliError } from "../output.ts";
import type { OpenRegistry } from "./open.ts";

const mostListed = 10;

/**
 * The manifest of an artifact.
 *
 * @param open - where it is
 * @param named - with tag or digest
 * @throws CliError that names what is there where it is not
 */
export async function findArtifact(open: OpenRegistry, named: Named): Promise<RawManifest> {
  try {
    return await open.registry.manifest(open.prefix + named.repository, versionOf(named) ?? "");
  } catch (error) {
    if (error instanceof RegistryError && error.status === 404) throw await notFound(open, named);
    throw error;
  }
}

/** The sentence about an artifact that is not there, with what is. */
export async function notFound(open: OpenRegistry, named: Named): Promise<CliError> {
  return new CliError(
    `The ${open.shown} has no artifact ${formatNamed(named)}. ${await hint(open, named)}`,
    exits.notFound,
  );
}

async function hint({ registry, prefix }: OpenRegistry, { repository, tag = "" }: Named): Promise<string> {
  const tags = await registry.tags(prefix + repository).catch(() => []);
  if (tags.length > 0) {
    const meant = nearest(tag, tags);
    if (meant !== undefined) return `Did you mean ${repository}:${meant}?`;
    const more = tags.length > mostListed ? ", …" : "";
    return `${repository} has the tags ${tags.slice(0, mostListed).join(", ")}${more}.`;
  }
  const repositories = await registry.repositories().catch(() => []);
  const meant = nearest(prefix + repository, repositories)?.slice(prefix.length);
  const list = `${programName} ls lists all that are there.`;
  return meant === undefined || meant === repository ? list : `Did you mean the repository ${meant}? ${list}`;
}
