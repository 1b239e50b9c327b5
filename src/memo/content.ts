import { isDigestText } from "../common/digest.ts";
import { canonical, sha256 } from "../lineage/canonical.ts";
import type { InputFile } from "../lineage/step.ts";

const titleKey = "org.opencontainers.image.title";
const createdKey = "org.opencontainers.image.created";
const contentKey = "io.deis.oras.content.digest";

/**
 * The files of an artifact, by what is in them. What else the manifest says of a file counts whatever it is: modes and marks
 * to unpack stand there, and more may. What it says of itself does not: who made it, from what, and when.
 *
 * @param manifest - its bytes
 * @returns undefined where it is no manifest of files, such as an index of several: see partsOf
 */
export function filesOf(manifest: Buffer): InputFile[] | undefined {
  const { layers, config, artifactType } = membersOf(parsed(manifest));
  if (!Array.isArray(layers)) return undefined;
  const kind = { artifactType, config: membersOf(config)["mediaType"] };
  return layers.map((layer: unknown) => {
    const { digest, annotations, urls: _, ...more } = membersOf(layer);
    const { [titleKey]: title, [contentKey]: unpacked, [createdKey]: __, ...marks } = membersOf(annotations);
    return {
      ...{ title: `${title ?? ""}`, digest: `${digest}` },
      ...(unpacked === undefined ? {} : { unpacked: `${unpacked}` }),
      marks: `sha256:${sha256(canonical({ kind, more, marks }))}`,
    };
  });
}

/**
 * The digests of the manifests of an index, in order. Their files together are its content.
 *
 * @param manifest - its bytes
 * @returns undefined where it is no index, or lists what has no digest
 */
export function partsOf(manifest: Buffer): string[] | undefined {
  const { layers, manifests } = membersOf(parsed(manifest));
  if (layers !== undefined || !Array.isArray(manifests)) return undefined;
  const digests = manifests.map((part: unknown) => membersOf(part)["digest"]);
  const isDigest = (digest: unknown): digest is string => typeof digest === "string" && isDigestText(digest);
  return digests.every(isDigest) ? digests : undefined;
}

function parsed(manifest: Buffer): unknown {
  try {
    return JSON.parse(manifest.toString());
  } catch {
    return undefined;
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
