import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { fallbackTagOf } from "../../common/fallback-tag.ts";
import { type Made, readStatement } from "../../lineage/read-statement.ts";
import { bundleType, readBundle, statementMediaType } from "../../lineage/statement-media.ts";
import { type Referrer, referrersIn } from "../../registry/referrers.ts";
import { gone } from "../artifacts/list.ts";
import { digestPattern, longestManifest } from "../oci/registry.ts";
import type { Descriptor, RawManifest, Registry } from "../oci/types.ts";

/** A statement about an artifact. */
export interface Statement extends Made {
  readonly isSigned: boolean;
  /** Digest of the public key by which it says that it verifies. */
  readonly signedBy?: string;
}

/** Of one artifact: the operator keeps fifty, others may have added theirs. */
const mostRead = 60;

/**
 * What statements in a registry tell of an artifact. They are not verified: anybody who may push can have written one.
 *
 * @param registry - that has it
 * @param repository - of the artifact, whole
 * @param digest - of its manifest
 * @param most - how many, the newest first
 */
export async function statementsAbout(
  registry: Registry,
  repository: string,
  digest: string,
  most = mostRead,
): Promise<Statement[]> {
  const index = await gone(registry.listedManifest(repository, fallbackTagOf(digest)), undefined);
  const all = index === undefined ? [] : referrersOf(index);
  const found: Statement[] = [];
  for (const referrer of all.filter(isStatement).reverse().slice(0, mostRead)) {
    const text = await textOf(registry, repository, referrer);
    if (text === undefined) continue;
    const isSigned = referrer.artifactType === bundleType;
    const { statement, key } = isSigned ? readBundle(text) : { statement: text };
    const made = readStatement(statement, digest);
    if (made !== undefined) found.push({ ...made, isSigned, ...(key !== undefined && { signedBy: key }) });
  }
  const time = ({ finishedOn = "" }: Statement) => finishedOn;
  return found.sort((a, b) => (time(a) > time(b) ? -1 : 1)).slice(0, most);
}

function isStatement({ artifactType = "", digest }: Referrer): boolean {
  return [statementMediaType, bundleType].includes(artifactType) && digestPattern.test(digest);
}

async function textOf(
  registry: Registry,
  repository: string,
  { digest }: Referrer,
): Promise<string | undefined> {
  const manifest = await gone(registry.listedManifest(repository, digest), undefined);
  const layer = manifest && firstLayer(manifest);
  if (layer === undefined) return undefined;
  return gone(buffer(Readable.from(registry.readBlob(repository, layer))).then(String), undefined);
}

function firstLayer({ bytes }: RawManifest): Descriptor | undefined {
  const [layer] = (jsonOf(bytes)["layers"] as readonly Partial<Descriptor>[] | undefined) ?? [];
  const { mediaType = "", digest = "", size = -1 } = layer ?? {};
  const isOne =
    digestPattern.test(digest) && Number.isSafeInteger(size) && size >= 0 && size <= longestManifest;
  return isOne ? { mediaType, digest, size } : undefined;
}

function referrersOf(index: RawManifest): Referrer[] {
  return Array.isArray(jsonOf(index.bytes)["manifests"]) ? referrersIn(index) : [];
}

function jsonOf(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(bytes.toString())) as Readonly<Record<string, unknown>>;
  } catch {
    return {}; // anybody can have pushed it
  }
}
