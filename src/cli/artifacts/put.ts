import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { names } from "../../../schema/names.ts";
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
  readonly remove: () => Promise<void>;
}

/**
 * Packs a file or folder as the agent does. A folder is packed into a temporary file: its digest has to be known before it
 * can be pushed, and a push that breaks is repeated.
 *
 * @param source - what
 * @param onBytes - told of bytes that are read
 */
export async function pack(source: Source, onBytes: (count: number) => void): Promise<Packed> {
  if (!source.isFolder) {
    const hashed = counting(onBytes);
    await pipeline(createReadStream(source.path), hashed.stream, sink());
    const open = () => createReadStream(source.path);
    return { blob: { digest: hashed.digest(), size: hashed.size(), open }, remove: async () => undefined };
  }
  const folder = await mkdtemp(join(tmpdir(), "oras-put-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const file = join(folder, "blob");
    const content = counting(() => undefined);
    const blob = counting(() => undefined);
    await pipeline(
      Readable.from(tarOf(source, onBytes)),
      content.stream,
      createGzip(),
      blob.stream,
      createWriteStream(file),
    );
    const open = () => createReadStream(file);
    return { blob: { digest: blob.digest(), size: blob.size(), open }, content: content.digest(), remove };
  } catch (error) {
    await remove();
    throw error;
  }
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
