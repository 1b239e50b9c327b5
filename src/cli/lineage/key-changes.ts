import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { memoRepositoryOf } from "../../cache/memo-repository.ts";
import { differences } from "../../lineage/difference.ts";
import { keyForm, latestTag, unsignedEntry } from "../../memo/entry.ts";
import { gone } from "../artifacts/list.ts";
import { digestPattern, longestManifest } from "../oci/registry.ts";
import type { Descriptor, RawManifest, Registry } from "../oci/types.ts";
import type { OpenRegistry } from "../remote/open.ts";

/** What the key of a memoized step is made from, compared with that of the result that its output had before. */
export interface KeyChanges {
  /** Who made that result, when and in which run, such as `Job count of 2026-11-27T09:58:12Z in the run trial-2`; undefined where it was forgotten, or the keys are the same. */
  readonly before?: string;
  /** See `differences`; empty where the keys are the same. */
  readonly changes: readonly string[];
}

/** What a step has made. */
interface Made {
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest: string;
  /** Of the Job and its Pods: only what one of them has made counts. Undefined where anybody may have made it. */
  readonly uids?: ReadonlySet<string | undefined>;
}

/**
 * What differs between the key of a step and that of the one before with the same output. Entries are not verified: anybody who may
 * push can have written one.
 *
 * @param open - the registry
 * @param made - the step's output
 * @returns undefined where the step was not memoized, or nothing tells of one before
 */
export async function keyChangesOf(
  { registry, of }: OpenRegistry,
  { repository, tag, digest, uids }: Made,
): Promise<KeyChanges | undefined> {
  const { spec, status } = of?.cache ?? {};
  if (spec === undefined || spec.deploy === false || tag === undefined) return undefined;
  const memo = memoRepositoryOf(spec);
  const read = async (reference: string): Promise<Read | undefined> => {
    const manifest = await gone(registry.listedManifest(memo, reference), undefined);
    return manifest && { manifest, entry: unsignedEntry(manifest.bytes, status?.memo) };
  };
  const latest = await read(latestTag({ repository, tag }));
  const { entry } = latest ?? {};
  if (latest === undefined || entry === undefined || !isOf(entry, digest, uids)) return undefined;
  const { key, before = "" } = entry;
  if (before === key) return { changes: [] };
  const earlier = keyForm.test(before) ? await read(before) : undefined;
  if (earlier === undefined) return undefined;
  const [then, now] = [
    await partsOf(registry, memo, earlier.manifest, before),
    await partsOf(registry, memo, latest.manifest, key),
  ];
  if (then === undefined || now === undefined) return undefined;
  return { ...nameOf(earlier.entry), changes: differences(then, now) };
}

function isOf({ output, by }: NonNullable<Read["entry"]>, digest: string, uids: Made["uids"]): boolean {
  return output.digest === digest && (uids === undefined || uids.has(by?.uid));
}

function nameOf(entry: Read["entry"]): Pick<KeyChanges, "before"> {
  if (!entry?.by) return {};
  const { kind, name, run } = entry.by;
  return { before: `${kind} ${name} of ${entry.at}${run === undefined ? "" : ` in the run ${run}`}` };
}

/** What a tag of the repository of entries has. */
interface Read {
  readonly manifest: RawManifest;
  /** Undefined where it was forgotten, or is none. */
  readonly entry: ReturnType<typeof unsignedEntry>;
}

/** The config of an entry is what its key is the digest of. */
async function partsOf(
  registry: Registry,
  repository: string,
  { bytes }: RawManifest,
  key: string,
): Promise<unknown> {
  const { config } = Object(jsonOf(bytes)) as { readonly config?: Partial<Descriptor> };
  const { mediaType = "", digest = "", size = -1 } = config ?? {};
  const isOne = digest === `sha256:${key}` && digestPattern.test(digest);
  if (!isOne || !Number.isSafeInteger(size) || size < 0 || size > longestManifest) return undefined;
  const blob = registry.readBlob(repository, { mediaType, digest, size });
  const read = await gone(buffer(Readable.from(blob)), undefined);
  return read && jsonOf(read);
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined; // anybody can have pushed it
  }
}
