import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "../cluster/command.ts";

/** The parts of an image's configuration that we set (OCI image-spec, config.md). */
export interface ImageConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
}

/** What refers to a blob. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of an image in an index. */
  readonly platform?: { readonly architecture: string; readonly os: string };
}

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** This machine's architecture as images name it. */
export const architecture: string = architectures[process.arch] ?? process.arch;

/**
 * Writes an image of one layer as an OCI archive.
 *
 * @param archive - file to write
 * @param names - full names that it is known by once imported
 * @param layer - tar file
 * @param config - what runs, as which user
 */
export async function writeImage(
  archive: string,
  names: readonly string[],
  layer: string,
  config: ImageConfig,
): Promise<void> {
  await inArchive(archive, async (layout) => {
    const diff = await addFile(layout, "application/vnd.oci.image.layer.v1.tar", layer);
    const configuration = await addJson(layout, "application/vnd.oci.image.config.v1+json", {
      architecture,
      os: "linux",
      config,
      rootfs: { type: "layers", diff_ids: [diff.digest] },
    });
    const manifest = await addJson(layout, manifestType, {
      schemaVersion: 2,
      mediaType: manifestType,
      config: configuration,
      layers: [diff],
    });
    await writeFile(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
    await writeIndex(layout, manifest, names);
  });
}

/**
 * Names the image of an OCI layout and packs it as an archive.
 *
 * @param layout - folder with one image
 * @param archive - file to write
 * @param names - full names that it is known by once imported
 * @returns bytes of its layers, compressed
 */
export async function packLayout(layout: string, archive: string, names: readonly string[]): Promise<number> {
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as { manifests: Descriptor[] };
  const [manifest] = index.manifests;
  if (!manifest) throw new Error(`${layout} holds no image`);
  const { mediaType, digest, size } = manifest;
  await writeIndex(layout, { mediaType, digest, size }, names);
  await run(["tar", "-C", layout, "-cf", `${archive}.new`, "."]);
  await rename(`${archive}.new`, archive);
  const { layers } = JSON.parse(await readFile(blob(layout, digest), "utf8")) as { layers: Descriptor[] };
  return layers.reduce((sum, layer) => sum + layer.size, 0);
}

/** The digest of the image in an archive. */
export async function digestOf(archive: string): Promise<string> {
  const index = JSON.parse(await run(["tar", "-xOf", archive, "./index.json"])) as {
    manifests: Descriptor[];
  };
  const [manifest] = index.manifests;
  if (!manifest) throw new Error(`${archive} holds no image`);
  return manifest.digest;
}

/** Packs what `fill` writes into a folder, and moves it into place in one step. */
async function inArchive(archive: string, fill: (layout: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(archive), { recursive: true });
  const layout = await mkdtemp(`${archive}.`);
  try {
    await mkdir(join(layout, "blobs", "sha256"), { recursive: true });
    await fill(layout);
    await run(["tar", "-C", layout, "-cf", `${layout}.tar`, "."]);
    await rename(`${layout}.tar`, archive);
  } finally {
    await rm(layout, { recursive: true, force: true });
  }
}

async function writeIndex(layout: string, manifest: Descriptor, names: readonly string[]): Promise<void> {
  const manifests = names.map((name) => ({
    ...manifest,
    // containerd takes the name from the first, buildah and skopeo from the second.
    annotations: { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name },
  }));
  await writeFile(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
}

function blob(layout: string, digest: string): string {
  return join(layout, "blobs", ...digest.split(":"));
}

/** Writes an object into a layout, as a blob. */
export async function addJson(layout: string, mediaType: string, value: unknown): Promise<Descriptor> {
  const text = JSON.stringify(value);
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  await writeFile(blob(layout, digest), text);
  return { mediaType, digest, size: Buffer.byteLength(text) };
}

/** Copies a file into a layout, as a blob. */
export async function addFile(layout: string, mediaType: string, path: string): Promise<Descriptor> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const digest = `sha256:${hash.digest("hex")}`;
  await copyFile(path, blob(layout, digest));
  return { mediaType, digest, size: (await stat(path)).size };
}
