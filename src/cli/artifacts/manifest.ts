import { names } from "../../../schema/names.ts";
import { quoted, visible } from "../../annotations/problems.ts";
import { numbered } from "../../lineage/numbered.ts";
import { exits } from "../exits.ts";
import { digestPattern } from "../oci/registry.ts";
import type { Descriptor, RawManifest } from "../oci/types.ts";
import { CliError } from "../output.ts";
import { cleanPath } from "./paths.ts";

/** Marks of oras; the agent of the operator writes the same. */
const titleAnnotation = "org.opencontainers.image.title";
const createdAnnotation = "org.opencontainers.image.created";
const unpackAnnotation = "io.deis.oras.content.unpack";
const zstdSuffix = ".tar.zst";
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";
const indexTypes = [indexType, "application/vnd.docker.distribution.manifest.list.v2+json"];

/** A file or folder of an artifact. */
export interface Part extends Descriptor {
  /** Its path, clean; empty for the contents of a folder without a name. */
  readonly path: string;
  /** How a folder is packed; undefined for a file. */
  readonly packed?: "gzip" | "zstd";
  /** Permissions of a file. */
  readonly mode: number;
}

/** What an artifact consists of, and what is known of where it is from. */
export interface ArtifactManifest {
  readonly digest: string;
  readonly parts: readonly Part[];
  /** Bytes of its blobs. */
  readonly bytes: number;
  /** Images whose containers made it. */
  readonly images: readonly string[];
  /** Digests of what it was made from. */
  readonly inputs: readonly string[];
  /** When it was made, where its manifest says so: the operator's do not, so that equal results have equal digests. */
  readonly created?: Date;
  /** What else it is, if it is none. */
  readonly other?: "index" | "image";
  /** Digests of what an index lists. */
  readonly listed?: readonly string[];
}

interface Layer extends Partial<Descriptor> {
  readonly annotations?: Readonly<Record<string, string>> | null;
}

interface Document {
  readonly mediaType?: string;
  readonly config?: Layer | null;
  readonly layers?: readonly Layer[] | null;
  readonly manifests?: readonly Layer[] | null;
  readonly annotations?: Readonly<Record<string, string>> | null;
}

/**
 * Reads a manifest, which anybody who may push may have written.
 *
 * @param raw - its bytes
 * @param shown - the artifact, for messages
 * @throws CliError where it is no manifest, or has a path that leads out of the folder it is put into
 */
export function readManifest(raw: RawManifest, shown: string): ArtifactManifest {
  const document = parse(raw, shown);
  const layers = layersIn(document.layers);
  const isIndex = indexTypes.includes(document.mediaType ?? raw.mediaType) || document.manifests != null;
  const parts = layers.flatMap((layer) => partOf(layer, shown));
  const all = isIndex ? layersIn(document.manifests) : layers;
  const created = new Date(document.annotations?.[createdAnnotation] ?? Number.NaN);
  return {
    digest: raw.digest,
    parts: withoutClashes(parts, shown),
    bytes: all.reduce((sum, { size }) => sum + (Number.isSafeInteger(size) ? Number(size) : 0), 0),
    images: numbered(document.annotations, names.artifactImageAnnotation),
    inputs: numbered(document.annotations, names.artifactInputAnnotation),
    ...(created.getTime() > 0 ? { created } : {}),
    ...(isIndex ? { other: "index", listed: digestsIn(all) } : parts.length === 0 ? { other: "image" } : {}),
  };
}

/**
 * One artifact of the parts of an index, in its order.
 *
 * @param index - as it was read
 * @param parts - its manifests
 * @param shown - the artifact, for messages
 * @throws CliError where two files of one name are not the same
 */
export function joined(
  index: ArtifactManifest,
  parts: readonly ArtifactManifest[],
  shown: string,
): ArtifactManifest {
  const { other: _, listed: __, ...rest } = index;
  const all = withoutClashes(
    parts.flatMap((part) => part.parts),
    shown,
  );
  const bytes = all.reduce((sum, { size }) => sum + size, 0);
  return { ...rest, parts: all, bytes, ...(all.length === 0 ? { other: "image" } : {}) };
}

/** Every blob and manifest that a manifest names: what is to be copied with it. */
export function referencesOf(
  raw: RawManifest,
  shown: string,
): { blobs: Descriptor[]; manifests: Descriptor[] } {
  const { config, layers, manifests } = parse(raw, shown);
  const unique = new Map<string, Descriptor>();
  for (const layer of [config ?? [], layers ?? []].flat()) {
    const descriptor = descriptorOf(layer, shown);
    unique.set(descriptor.digest, descriptor);
  }
  return {
    blobs: [...unique.values()],
    manifests: [manifests ?? []].flat().map((manifest) => descriptorOf(manifest, shown)),
  };
}

/** What a manifest that is kept without its type is: the specification lets it say so itself, or leave it to its content. */
export function mediaTypeOf(bytes: Buffer): string {
  const { mediaType, manifests } = parse({ bytes }, "of the backup");
  if (typeof mediaType !== "string") return manifests == null ? manifestType : indexType;
  if (isMediaType(mediaType)) return mediaType;
  throw new CliError(
    `the manifest names ${quoted(mediaType)} as its type, which cannot be one`,
    exits.failed,
  );
}

/** Whether something can be a media type: it is sent in a header. @see https://www.rfc-editor.org/rfc/rfc6838#section-4.2 */
export function isMediaType(text: string): boolean {
  return /^[a-z0-9][\w!#$&^.+-]{0,126}\/[a-z0-9][\w!#$&^.+-]{0,126}$/i.test(text);
}

function parse(raw: Pick<RawManifest, "bytes">, shown: string): Document {
  try {
    const value: unknown = JSON.parse(raw.bytes.toString());
    if (typeof value === "object" && value !== null) return value as Document;
  } catch {
    // Said below.
  }
  throw new CliError(`Artifact ${shown}: its manifest is not JSON.`, exits.failed);
}

function descriptorOf(layer: Layer | null, shown: string): Descriptor {
  const { mediaType = "", digest = "", size = -1 } = layer ?? {};
  if (typeof digest !== "string" || !digestPattern.test(digest) || !Number.isSafeInteger(size) || size < 0) {
    const message = `Artifact ${shown}: its manifest has a layer with the digest "${visible(String(digest))}" and the size ${visible(String(size))}, which cannot be.`;
    throw new CliError(message, exits.failed);
  }
  return { mediaType, digest, size };
}

function digestsIn(listed: readonly Layer[]): string[] {
  const digests = listed.map(({ digest }) => String(digest)).filter((digest) => digestPattern.test(digest));
  return [...new Set(digests)];
}

/** What is there in place of a list, or of an item of one, has no fields that count. */
function layersIn(list: unknown): readonly Layer[] {
  return Array.isArray(list) ? list.map((item) => Object(item) as Layer) : [];
}

/** Layers without a title have no name as a file, and are left out, as by oras. */
function partOf(layer: Layer, shown: string): Part[] {
  const { annotations } = layer;
  const title: unknown = annotations?.[titleAnnotation];
  if (typeof title !== "string" || title === "") return [];
  const packed = packingOf(layer);
  const name = packed === "zstd" && title.endsWith(zstdSuffix) ? title.slice(0, -zstdSuffix.length) : title;
  const path = cleanPath(name);
  if (path === undefined || (path === "" && packed === undefined)) {
    const message = `Artifact ${shown}: its file name "${visible(title)}" leads out of the folder that it is put into; nothing was written.`;
    throw new CliError(message, exits.failed);
  }
  const mode = annotations?.[names.artifactModeAnnotation] ?? "";
  return [
    {
      ...descriptorOf(layer, shown),
      path,
      ...(packed === undefined ? {} : { packed }),
      mode: /^0[0-7]{3}$/.test(mode) ? Number.parseInt(mode, 8) : 0o644,
    },
  ];
}

function packingOf({ annotations }: Layer): Part["packed"] {
  if (annotations?.[unpackAnnotation] === "true") return "gzip";
  return annotations?.[names.artifactUnpackAnnotation] === "true" ? "zstd" : undefined;
}

function withoutClashes(parts: readonly Part[], shown: string): readonly Part[] {
  const files = new Map(parts.map((part) => [part.path, part]));
  const clash = parts.find((part) => {
    const same = files.get(part.path);
    return same !== part && (same?.digest !== part.digest || part.packed !== undefined);
  });
  if (clash === undefined) return [...files.values()];
  const message = `Artifact ${shown}: it has two files named "${visible(clash.path)}"; which is meant cannot be known.`;
  throw new CliError(message, exits.failed);
}
