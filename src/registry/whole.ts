import { isDigestText } from "../common/digest.ts";
import { blobSize, type Descriptor, mountBlob } from "./blobs.ts";
import { type RawManifest, readManifest, writeManifest } from "./manifests.ts";
import type { OwnRegistry } from "./own.ts";

/** A manifest with all that belongs to it. */
export interface Whole {
  readonly repository: string;
  readonly top: RawManifest;
  /** Manifests that it consists of, if it is an index. */
  readonly parts: readonly RawManifest[];
  readonly blobs: readonly Descriptor[];
}

/** Something is missing, or is not what its manifest says: a sentence without a full stop. */
interface Broken {
  readonly broken: string;
}

/** More than a step pushes: each is asked for. */
const mostParts = 5_000;
/** Manifests of an index are held together. */
const mostBytes = 32 * 2 ** 20;
const atOnce = 8;

/**
 * Whether a manifest, or an index of manifests, is there with all that it names. It was pushed by anybody: nothing that it says is
 * believed.
 *
 * @param digest - a sha256
 * @throws where the registry does not say; a TooLongError for a manifest that is too long
 */
export async function wholeOf(
  registry: OwnRegistry,
  repository: string,
  digest: string,
): Promise<Whole | Broken> {
  const isLost = (what: string) => ({ broken: `its ${what} is not in ${repository} any more` });
  const top = await readManifest(registry, repository, digest);
  if (top === undefined) return isLost(`manifest ${digest}`);
  const named = namesOf(top);
  if (named === undefined) return { broken: `its manifest ${digest} is none that the operator knows` };
  const size = named.manifests.reduce((sum, child) => sum + child.size, 0);
  const tooMany = { broken: `it has more than ${mostParts} parts` };
  if (named.manifests.length > mostParts) return tooMany;
  if (size > mostBytes) return { broken: `its manifests have more than ${mostBytes} bytes` };
  const parts = await ofEach(named.manifests, (child) =>
    readManifest(registry, repository, child.digest, child.size),
  );
  const part = named.manifests.find((child, at) => parts[at]?.bytes.length !== child.size);
  if (part !== undefined) return isLost(`part ${part.digest}`);
  const present = parts.flatMap((one) => one ?? []);
  const below = present.map(namesOf);
  if (below.some((one) => one === undefined || one.manifests.length > 0))
    return { broken: `its manifest ${digest} consists of what is no manifest of files` };
  const blobs = distinct([named, ...below].flatMap((one) => one?.blobs ?? []));
  if (blobs.length + present.length > mostParts) return tooMany;
  const sizes = await ofEach(blobs, (blob) => blobSize(registry, repository, blob.digest));
  const blob = blobs.find((one, at) => sizes[at] !== one.size);
  return blob === undefined ? { repository, top, parts: present, blobs } : isLost(`blob ${blob.digest}`);
}

/** One that is said to have two sizes is there twice: one of them is wrong. */
function distinct(blobs: readonly Descriptor[]): Descriptor[] {
  return [...new Map(blobs.map((blob) => [`${blob.digest} ${blob.size}`, blob])).values()];
}

/**
 * Makes all of it part of another repository, without a tag and without moving a byte of a blob.
 *
 * @returns whether it is there now: not every registry can
 * @throws where the registry does not do it
 */
export async function mountWhole(registry: OwnRegistry, whole: Whole, to: string): Promise<boolean> {
  const { repository: from, blobs, parts } = whole;
  const mounted = await ofEach(blobs, ({ digest }) => mountBlob(registry, digest, { from, to }));
  if (mounted.includes(false)) return false;
  for (const part of parts) await writeManifest(registry, to, part.digest, part);
  return true;
}

/** Some at once: a registry is asked by others, too. */
async function ofEach<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = [];
  for (let i = 0; i < items.length; i += atOnce)
    answers.push(...(await Promise.all(items.slice(i, i + atOnce).map(ask))));
  return answers;
}

interface Names {
  readonly blobs: readonly Descriptor[];
  readonly manifests: readonly Descriptor[];
}

/** What a manifest or an index names; undefined where it is neither. */
function namesOf({ bytes }: RawManifest): Names | undefined {
  const { config, layers, manifests } = membersOf(bytes);
  if (manifests !== undefined) {
    const all = descriptorsOf(manifests);
    return config === undefined && layers === undefined && all ? { blobs: [], manifests: all } : undefined;
  }
  const blobs =
    config === undefined ? undefined : descriptorsOf([config, ...(Array.isArray(layers) ? layers : [{}])]);
  return blobs && { blobs, manifests: [] };
}

function membersOf(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function descriptorsOf(values: unknown): Descriptor[] | undefined {
  if (!Array.isArray(values)) return undefined;
  const descriptors: Descriptor[] = [];
  for (const value of values as readonly unknown[]) {
    const { mediaType, digest, size } = (value ?? {}) as Record<string, unknown>;
    const isOne =
      typeof mediaType === "string" &&
      typeof digest === "string" &&
      isDigestText(digest) &&
      Number.isSafeInteger(size) &&
      (size as number) >= 0;
    if (!isOne) return undefined;
    descriptors.push({ mediaType, digest, size: size as number });
  }
  return descriptors;
}
