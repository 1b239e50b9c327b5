import { nearest } from "../../annotations/nearest.ts";
import { visible } from "../../annotations/problems.ts";
import { exits } from "../exits.ts";
import type { Told } from "../oci/types.ts";
import { CliError } from "../output.ts";
import type { Place } from "./get.ts";
import type { ArtifactManifest, Part } from "./manifest.ts";
import { unpacked } from "./packed.ts";
import { cleanPath } from "./paths.ts";
import { placed } from "./sparse.ts";
import { type Entry, readTar } from "./tar-read.ts";

/** Names that a message lists. */
const mostNames = 20;
/** Names that are remembered to find the nearest. */
const mostRemembered = 10_000;
const zeros = Buffer.alloc(2 ** 16);

/**
 * The bytes of one file of an artifact. What follows it in its archive is read too: only then the digest is known to be right.
 *
 * @param place - where the artifact's blobs are
 * @param manifest - what it consists of
 * @param asked - the path, as `get` would make it, and the artifact's name for messages
 * @param told - while bytes come
 * @throws CliError where there is no such file
 */
export async function* catFile(
  place: Place,
  manifest: ArtifactManifest,
  asked: { readonly path: string | undefined; readonly shown: string },
  told: Told,
): AsyncGenerator<Buffer> {
  const path = wantedPath(manifest, asked);
  const single = manifest.parts.find((part) => part.packed === undefined && part.path === path);
  if (single !== undefined) {
    yield* place.registry.readBlob(place.repository, single, told);
    return;
  }
  const known = manifest.parts.filter((part) => part.packed === undefined).map((part) => part.path);
  const bytes = Buffer.from(path ?? "").toString("latin1");
  for (const part of manifest.parts.filter(({ packed }) => packed !== undefined)) {
    const found = yield* fromArchive(place, part, bytes, known, told);
    if (found) return;
  }
  throw notFound(asked.shown, path, known);
}

function wantedPath(
  { parts }: ArtifactManifest,
  { path, shown }: { path: string | undefined; shown: string },
) {
  if (path !== undefined) return cleanPath(path) ?? path;
  const [only, ...others] = parts;
  if (only !== undefined && only.packed === undefined && others.length === 0) return only.path;
  if (parts.some(({ packed }) => packed !== undefined)) return undefined;
  const names = parts.slice(0, mostNames).map((part) => visible(part.path));
  const more = parts.length > mostNames ? ", …" : "";
  throw new CliError(
    `Artifact ${shown} has several files: name one of ${names.join(", ")}${more}.`,
    exits.usage,
  );
}

async function* fromArchive(
  { registry, repository }: Place,
  part: Part & { readonly packed?: "gzip" | "zstd" },
  path: string,
  known: string[],
  told: Told,
): AsyncGenerator<Buffer, boolean> {
  let found = false;
  for await (const entry of readTar(unpacked(registry.readBlob(repository, part, told)))) {
    const name = cleanPath(entry.name);
    if (name === undefined) continue;
    if (entry.kind !== "folder" && known.length < mostRemembered) known.push(textOf(name));
    if (name !== path || path === "" || entry.kind === "folder") continue;
    if (entry.kind !== "file") {
      const message = `${visible(textOf(name))} is a link to ${visible(textOf(entry.link))}; name that.`;
      throw new CliError(message, exits.notFound);
    }
    found = true;
    yield* wholeContent(entry);
  }
  return found;
}

/** The content of a file, with the holes of a sparse one. */
export async function* wholeContent(entry: Entry): AsyncGenerator<Buffer> {
  let end = 0;
  for await (const { part, offset } of placed(entry)) {
    yield* hole(offset - end);
    yield part;
    end = offset + part.length;
  }
  yield* hole(entry.size - end);
}

function* hole(length: number): Generator<Buffer> {
  for (let left = length; left > 0; left -= zeros.length)
    yield zeros.subarray(0, Math.min(left, zeros.length));
}

function textOf(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString();
}

function notFound(shown: string, path: string | undefined, known: readonly string[]): CliError {
  const list = known.slice(0, mostNames).map(visible).join("\n  ");
  const more = known.length > mostNames ? "\n  …" : "";
  if (path === undefined) {
    return new CliError(`Name a file of the artifact ${shown}. It has:\n  ${list}${more}`, exits.usage);
  }
  const meant = nearest(path, known);
  const hint = meant === undefined ? `It has:\n  ${list}${more}` : `Did you mean ${visible(meant)}?`;
  return new CliError(`Artifact ${shown} has no file ${visible(path)}. ${hint}`, exits.notFound);
}
