import { names } from "../../schema/names.ts";
import { fallbackTagOf } from "../common/fallback-tag.ts";
import { type Descriptor, digestOf, writeBlob } from "./blobs.ts";
import { deleteManifest } from "./delete.ts";
import { longestManifest, type RawManifest, readManifest, writeManifest } from "./manifests.ts";
import type { OwnRegistry } from "./own.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";
/** As of an artifact without a config, by the guidance of the image specification. */
const empty = { type: "application/vnd.oci.empty.v1+json", text: "{}" };

/** A registry, and a repository of it. */
export interface Repository extends OwnRegistry {
  readonly repository: string;
}

/** What is about a manifest, as its index says. */
export interface Referrer extends Descriptor {
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A text about a manifest. */
export interface NewReferrer {
  readonly artifactType: string;
  readonly mediaType: string;
  readonly text: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** UID of the Pod that it tells of. */
  readonly invocation: string;
  /** As RFC 3339: the oldest go first. */
  readonly created: string;
}

const createdAnnotation = "org.opencontainers.image.created";
/** The index is read, changed and written whole. */
const mostStatements = 50;

/**
 * What is in an index of referrers; of what is no descriptor nothing.
 *
 * @param index - as the registry has it
 */
export function referrersIn({ bytes }: Pick<RawManifest, "bytes">): Referrer[] {
  const { manifests } = JSON.parse(bytes.toString()) as { readonly manifests?: unknown };
  if (!Array.isArray(manifests)) return [];
  return manifests.filter((entry): entry is Referrer => typeof Object(entry).digest === "string");
}

/** Whether there is a statement about the same push. */
export function isAbout({ annotations }: Referrer, invocation: string): boolean {
  return annotations?.[names.invocationAnnotation] === invocation;
}

/**
 * Writes what is about a manifest, unless it is there, and names it in the index that the fallback tag has. There has to be one
 * writer: of two that read the same index the second takes away what the first has added.
 *
 * @param repository - of the manifest
 * @param subject - the manifest
 * @param referrer - what is about it
 * @param mayWrite - throws where it may not any more; called before each write
 * @returns whether it was not there
 * @throws where the registry does not take it, or the index would be longer than registries take
 */
export async function addReferrer(
  repository: Repository,
  subject: RawManifest,
  referrer: NewReferrer,
  mayWrite: () => void,
): Promise<boolean> {
  const tag = fallbackTagOf(subject.digest);
  const index = await readManifest(repository, repository.repository, tag);
  const known = index === undefined ? [] : referrersIn(index);
  if (known.some((entry) => isAbout(entry, referrer.invocation))) return false;
  const { kept, gone } = withoutOldest(known);

  const annotations = {
    ...referrer.annotations,
    [createdAnnotation]: referrer.created,
    [names.invocationAnnotation]: referrer.invocation,
  };
  mayWrite();
  const config = await writeBlob(repository, repository.repository, empty.type, empty.text);
  const layer = await writeBlob(repository, repository.repository, referrer.mediaType, referrer.text);
  const { artifactType } = referrer;
  const about = { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.length };
  const manifest = JSON.stringify({
    ...{ schemaVersion: 2, mediaType: manifestType, artifactType },
    ...{ config, layers: [layer], subject: about, annotations },
  });
  mayWrite();
  const digest = digestOf(manifest);
  await write(repository, digest, manifestType, manifest);
  const size = Buffer.byteLength(manifest);
  const entry = { mediaType: manifestType, digest, size, artifactType, annotations };
  await writeIndex(repository, tag, [...kept, entry], mayWrite).catch(async (error: unknown) => {
    // A registry refuses an index with what somebody has deleted.
    const there = await existing(repository, kept);
    if (there.length === kept.length) throw error;
    await writeIndex(repository, tag, [...there, entry], mayWrite);
  });
  for (const { digest: reference } of gone) {
    mayWrite();
    await deleteManifest({ ...repository, reference });
  }
  return true;
}

/** Room for one more. What others have written, such as signatures, stays. */
function withoutOldest(known: readonly Referrer[]): { kept: readonly Referrer[]; gone: readonly Referrer[] } {
  const created = ({ annotations }: Referrer) => annotations?.[createdAnnotation] ?? "";
  const own = known
    .filter(({ annotations }) => annotations?.[names.invocationAnnotation] !== undefined)
    .sort((a, b) => (created(a) < created(b) ? -1 : 1));
  const gone = new Set(own.slice(0, Math.max(0, own.length - mostStatements + 1)));
  return { kept: known.filter((entry) => !gone.has(entry)), gone: [...gone] };
}

async function writeIndex(
  repository: Repository,
  tag: string,
  manifests: readonly Referrer[],
  mayWrite: () => void,
): Promise<void> {
  const text = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
  if (Buffer.byteLength(text) > longestManifest)
    throw new Error(
      `the index ${repository.repository}:${tag} would have more than ${longestManifest} bytes`,
    );
  mayWrite();
  await write(repository, tag, indexType, text);
}

async function existing(repository: Repository, entries: readonly Referrer[]): Promise<Referrer[]> {
  const there: Referrer[] = [];
  for (const entry of entries) {
    const found = await readManifest(repository, repository.repository, entry.digest);
    if (found !== undefined) there.push(entry);
  }
  return there;
}

function write(repository: Repository, reference: string, mediaType: string, bytes: string): Promise<void> {
  return writeManifest(repository, repository.repository, reference, { mediaType, bytes });
}
