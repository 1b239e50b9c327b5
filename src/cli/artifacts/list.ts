import { names } from "../../../schema/names.ts";
import { memoRepositoryOf } from "../../cache/memo-repository.ts";
import type { OrasCache } from "../../cache/types.ts";
import { subjectOfTag } from "../../common/fallback-tag.ts";
import { inParallel } from "../../common/in-parallel.ts";
import type { OutputFormat } from "../formats.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Registry } from "../oci/types.ts";
import { formatData } from "../show/output.ts";
import { shortAge, shortSize } from "../show/sizes.ts";
import { formatTable, unknown } from "../show/table.ts";
import { type From, fromOf, type Tagged } from "./inputs.ts";
import { type ArtifactManifest, readManifest } from "./manifest.ts";
import { isRepository, isTag } from "./reference.ts";

/** Repositories that are shown to whoever names them. */
export type Hidden = readonly string[];

/**
 * What is the operator's own belongs to one cache: it is no artifact of anybody's, and is not restored to another one.
 *
 * @param cache - undefined for the registry of somebody else
 */
export function hiddenIn(cache: OrasCache | undefined): Hidden {
  if (cache === undefined || cache.spec?.deploy === false) return [names.stateRepository];
  return [names.stateRepository, memoRepositoryOf(cache.spec)];
}

/** An artifact in a list. */
export interface Listed {
  readonly namespace: string;
  readonly cache: string;
  readonly repository: string;
  readonly tag: string;
  /** Undefined where its manifest cannot be understood. */
  readonly manifest: ArtifactManifest | undefined;
  /** When it was pushed under its tag, where that is known. */
  readonly pushed?: Date;
  /** The step that pushed it, where that is known. */
  readonly step?: string;
  /** What it was made from; undefined where nobody has looked for names. */
  readonly from?: readonly From[];
}

/**
 * When an artifact came under its tag: as the registry's keeper says, else as whoever made it wrote.
 *
 * @returns undefined where nobody says
 */
export function timeOf({ pushed, manifest }: Listed): Date | undefined {
  return pushed ?? manifest?.created;
}

/**
 * The artifacts of a registry, without those whose names are none.
 *
 * @param registry - whose
 * @param about - the repository, if not all; the prefix of those that count; and the cache
 */
export async function listArtifacts(
  registry: Registry,
  about: {
    readonly repository: string | undefined;
    readonly prefix: string;
    readonly hidden?: Hidden;
    readonly namespace: string;
    readonly cache: string;
  },
): Promise<readonly Listed[]> {
  const { prefix, namespace, cache } = about;
  const tags = (await listTags(registry, about)).filter(({ tag }) => subjectOfTag(tag) === undefined);
  const found = await inParallel(tags, async ({ name, tag }) => {
    const raw = await gone(registry.listedManifest(name, tag), undefined);
    if (raw === undefined) return [];
    return [
      {
        namespace,
        cache,
        repository: name.slice(prefix.length),
        tag,
        manifest: understood(() => readManifest(raw, tag)),
      },
    ];
  });
  return found.flat();
}

/**
 * The list, with what the inputs of each artifact are called.
 *
 * @param listed - of one registry
 * @param tagged - the names of its digests; of what is not there, those in the list
 */
export function withFrom(
  listed: readonly Listed[],
  tagged: ReadonlyMap<string, readonly Tagged[]> = new Map(),
): Listed[] {
  const own = Map.groupBy(listed, ({ manifest }) => manifest?.digest ?? "");
  const names = new Map<string, readonly Tagged[]>([...own, ...tagged]);
  return listed.map((item) => ({ ...item, from: fromOf(item.manifest?.inputs ?? [], item, names) }));
}

/**
 * The tags of a registry, without those whose names are none.
 *
 * @param registry - whose
 * @param about - the repository, if not all; the prefix of those that count; and which are left out where all are listed
 */
export async function listTags(
  registry: Registry,
  {
    repository,
    prefix,
    hidden = hiddenIn(undefined),
  }: { readonly repository?: string | undefined; readonly prefix: string; readonly hidden?: Hidden },
): Promise<readonly { readonly name: string; readonly tag: string }[]> {
  const all = repository === undefined ? await registry.repositories() : [prefix + repository];
  const repositories = all
    .filter(
      (name) =>
        name.startsWith(prefix) &&
        isRepository(name) &&
        (repository !== undefined || !hidden.includes(name.slice(prefix.length))),
    )
    .sort();
  const tagged = await inParallel(repositories, async (name) => {
    const tags = await gone(registry.tags(name), []);
    return tags
      .filter(isTag)
      .sort()
      .map((tag) => ({ name, tag }));
  });
  return tagged.flat();
}

/** What is deleted while it is listed is not there. */
export async function gone<T>(asked: Promise<T>, instead: T): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RegistryError && error.status === 404) return instead;
    throw error;
  }
}

function understood<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/**
 * The list as text.
 *
 * @param listed - the artifacts
 * @param format - of the text
 * @param show - whether the namespace is a column; the present
 */
export function formatList(
  listed: readonly Listed[],
  format: OutputFormat,
  { everywhere, now }: { readonly everywhere: boolean; readonly now: number },
): string {
  if (format === "json" || format === "yaml") return formatData({ items: listed.map(dataOf) }, format);
  if (format === "name") return listed.map((item) => `${item.repository}:${item.tag}\n`).join("");
  const before = everywhere ? ["NAMESPACE", "CACHE"] : [];
  const after = format === "wide" ? ["DIGEST"] : [];
  const header = [...before, "ARTIFACT", "SIZE", "FILES", "MADE BY", "FROM", "AGE", ...after];
  const rows = listed.map((item) => [
    ...(everywhere ? [item.namespace, item.cache] : []),
    ...columnsOf(item, now),
    ...(format === "wide" ? [item.manifest?.digest ?? unknown] : []),
  ]);
  return formatTable(header, rows);
}

function columnsOf(item: Listed, now: number): string[] {
  const { repository, tag, manifest, step } = item;
  const name = `${repository}:${tag}`;
  const time = timeOf(item);
  const age = time === undefined ? unknown : shortAge((now - time.getTime()) / 1000);
  if (manifest === undefined) return [name, unknown, unknown, step ?? unknown, unknown, age];
  const { bytes, images, inputs } = manifest;
  const from = (item.from ?? inputs.map((digest): From => ({ digest }))).map(shownFrom);
  return [
    name,
    shortSize(bytes),
    String(fileCount(manifest) ?? unknown),
    step ?? (images.map(withoutDigest).join(",") || unknown),
    from.join(",") || unknown,
    age,
  ];
}

function shownFrom({ digest, artifact, others }: From): string {
  if (artifact === undefined) return digest.slice(0, "sha256:".length + 12);
  return others === undefined ? artifact : `${artifact} or ${others} more`;
}

/** How many files there are; a folder's archive would have to be read for that. */
function fileCount({ parts, other }: ArtifactManifest): number | undefined {
  return other !== undefined || parts.some(({ packed }) => packed !== undefined) ? undefined : parts.length;
}

function withoutDigest(image: string): string {
  return image.replace(/@sha256:[0-9a-f]+$/, "");
}

function dataOf({ namespace, cache, repository, tag, manifest, pushed, step, from }: Listed) {
  return {
    namespace,
    cache,
    artifact: `${repository}:${tag}`,
    pushed: pushed?.toISOString(),
    step,
    ...(manifest && {
      digest: manifest.digest,
      bytes: manifest.bytes,
      files: fileCount(manifest),
      images: manifest.images,
      inputs: manifest.inputs,
      ...(from && { from }),
      created: manifest.created?.toISOString(),
      kind: manifest.other ?? "artifact",
      parts: manifest.parts.map(({ path, size, digest, packed }) => ({ path, bytes: size, digest, packed })),
    }),
  };
}
