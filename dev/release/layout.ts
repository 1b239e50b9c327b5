import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../cluster/command.ts";
import { addFile, addJson, type Descriptor, type ImageConfig } from "../images/oci.ts";
import type { Architecture } from "./pins.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";

/** What all parts of a release say of themselves. */
export interface About {
  /** When the commit was made, in seconds. */
  readonly seconds: number;
  /** Labels of images, and annotations of manifests (OCI image-spec, annotations.md). */
  readonly labels: Readonly<Record<string, string>>;
}

/** Writes an OCI layout whose parts are added one by one. */
export interface Layout {
  /** Adds an image of one layer for an architecture. */
  readonly addImage: (root: string, architecture: Architecture, config: ImageConfig) => Promise<Descriptor>;
  /** Joins the images of several architectures under a name. */
  readonly addIndex: (name: string, images: readonly Descriptor[]) => Promise<Descriptor>;
  /** Adds a chart as Helm pushes it. */
  readonly addChart: (name: string, archive: string, chart: object) => Promise<Descriptor>;
  readonly finish: () => Promise<void>;
}

/**
 * Begins an OCI layout.
 *
 * @param folder - to write into
 * @param about - see there
 */
export async function createLayout(folder: string, { seconds, labels }: About): Promise<Layout> {
  const named: Descriptor[] = [];
  await mkdir(join(folder, "blobs/sha256"), { recursive: true });
  const created = isoTime(seconds);
  return {
    addImage: async (root, architecture, config) => {
      const tar = `${folder}.layer.tar`;
      await packRoot(root, tar);
      const diff = (await addFile(folder, "", tar)).digest;
      await rm(join(folder, "blobs", ...diff.split(":")));
      await run(["gzip", "--no-name", "--force", tar]);
      const layer = await addFile(folder, "application/vnd.oci.image.layer.v1.tar+gzip", `${tar}.gz`);
      await rm(`${tar}.gz`);
      const configuration = await addJson(folder, "application/vnd.oci.image.config.v1+json", {
        ...{ created, architecture, os: "linux" },
        config: { ...config, Labels: labels },
        rootfs: { type: "layers", diff_ids: [diff] },
        history: [{ created, created_by: "make release" }],
      });
      const manifest = { schemaVersion: 2, mediaType: manifestType, config: configuration, layers: [layer] };
      const descriptor = await addJson(folder, manifestType, { ...manifest, annotations: labels });
      return { ...descriptor, platform: { architecture, os: "linux" } };
    },
    addIndex: async (name, manifests) => {
      const index = { schemaVersion: 2, mediaType: indexType, manifests, annotations: labels };
      const descriptor = await addJson(folder, indexType, index);
      named.push(withName(descriptor, name));
      return descriptor;
    },
    addChart: async (name, archive, chart) => {
      const config = await addJson(folder, "application/vnd.cncf.helm.config.v1+json", chart);
      const layer = await addFile(folder, "application/vnd.cncf.helm.chart.content.v1.tar+gzip", archive);
      const manifest = { schemaVersion: 2, mediaType: manifestType, config, layers: [layer] };
      const annotations = { ...labels, "org.opencontainers.image.created": created };
      const descriptor = await addJson(folder, manifestType, { ...manifest, annotations });
      named.push(withName(descriptor, name));
      return descriptor;
    },
    finish: async () => {
      await writeFile(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
      const index = { schemaVersion: 2, mediaType: indexType, manifests: named };
      await writeFile(join(folder, "index.json"), JSON.stringify(index));
    },
  };
}

/** As the formats write a time. */
export function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

function withName(descriptor: Descriptor, name: string): Descriptor {
  return { ...descriptor, annotations: { "org.opencontainers.image.ref.name": name } };
}

/** Modes are those of the packages; times, users and the order of names are the same everywhere. */
async function packRoot(root: string, tar: string): Promise<void> {
  const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"];
  await run(["tar", "-C", root, ...same, "-cf", tar, ...(await readdir(root)).sort()]);
}
