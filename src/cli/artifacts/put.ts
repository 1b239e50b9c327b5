import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { names } from "../../../schema/names.ts";
import { cleanedUp } from "../clean-up.ts";
import { digestOf } from "../oci/registry.ts";
import type { BlobSource, Told } from "../oci/types.ts";
import type { Place } from "./get.ts";
import { type Source, tarOf } from "./pack.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const emptyConfig = Buffer.from("{}");

/** A layer, as it is pushed. */
interface Packed {
  readonly blob: BlobSource;
  /** Digest of the tar, of a folder. */
  readonly content?: string;
}

/**
 * Packs a file or folder as the agent does, and uses it. A folder is packed into a temporary file: its digest has to be known
 * before it can be pushed, and a push that breaks is repeated.
 *
 * @param source - what
 * @param onBytes - told of bytes that are read
 * @param use - pushes it
 */
export async function withPacked<T>(
  source: Source,
  onBytes: (count: number) => void,
  use: (packed: Packed) => Promise<T>,
): Promise<T> {
  if (!source.isFolder) return use(await hashed(source, onBytes));
  const folder = mkdtempSync(join(tmpdir(), "oras-put-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  return cleanedUp(remove, async () => use(await packInto(join(folder, "blob"), source, onBytes)));
}

async function hashed({ path }: Source, onBytes: (count: number) => void): Promise<Packed> {
  const counted = counting(onBytes);
  await pipeline(createReadStream(path), counted.stream, sink());
  const open = () => createReadStream(path);
  return { blob: { digest: counted.digest(), size: counted.size(), open } };
}

async function packInto(file: string, source: Source, onBytes: (count: number) => void): Promise<Packed> {
  const tar = Readable.from(tarOf(source, onBytes));
  const content = counting(() => undefined);
  const blob = counting(() => undefined);
  await pipeline(tar, content.stream, createGzip(), blob.stream, createWriteStream(file));
  const open = () => createReadStream(file);
  return { blob: { digest: blob.digest(), size: blob.size(), open }, content: content.digest() };
}

function counting(onBytes: (count: number) => void) {
  const hash = createHash("sha256");
  let size = 0;
  const stream = new Transform({
    transform: (chunk: Buffer, _, done) => {
      hash.update(chunk);
      size += chunk.length;
      onBytes(chunk.length);
      done(null, chunk);
    },
  });
  return { stream, digest: () => `sha256:${hash.digest("hex")}`, size: () => size };
}

function sink(): (from: AsyncIterable<Buffer>) => Promise<void> {
  return async (from) => {
    for await (const _ of from);
  };
}

/**
 * Pushes what was packed, with a manifest as `oras push` makes it.
 *
 * @param place - where to
 * @param tag - of the artifact
 * @param packed - the layer
 * @param source - that it was made of
 * @param told - of bytes
 * @returns the digest of the manifest
 */
export async function pushPacked(
  { registry, repository }: Place,
  tag: string,
  packed: Packed,
  source: Source,
  told: Told,
): Promise<string> {
  await registry.pushBlob(repository, packed.blob, told);
  const config = { digest: digestOf(emptyConfig), size: emptyConfig.length };
  await registry.pushBlob(repository, { ...config, open: () => Readable.from([emptyConfig]) });
  const manifest = {
    annotations: { "org.opencontainers.image.created": new Date().toISOString().replace(/\.\d+Z$/, "Z") },
    artifactType: names.artifactType,
    config: {
      ...config,
      mediaType: "application/vnd.oci.empty.v1+json",
      data: emptyConfig.toString("base64"),
    },
    layers: [layerOf(packed, source)],
    mediaType: manifestType,
    schemaVersion: 2,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  await registry.pushManifest(repository, tag, { bytes, mediaType: manifestType });
  return digestOf(bytes);
}

/** As the agent and oras write it. */
function layerOf({ blob, content }: Packed, { title, mode }: Source) {
  const { digest, size } = blob;
  const named = { "org.opencontainers.image.title": title };
  if (content === undefined) {
    const octal = mode.toString(8).padStart(4, "0");
    const annotations = { ...named, ...(octal === "0644" ? {} : { [names.artifactModeAnnotation]: octal }) };
    return { annotations, digest, mediaType: "application/vnd.oci.image.layer.v1.tar", size };
  }
  const annotations = {
    ...named,
    "io.deis.oras.content.unpack": "true",
    "io.deis.oras.content.digest": content,
  };
  return { annotations, digest, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", size };
}
