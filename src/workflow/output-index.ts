import { names } from "../../schema/names.ts";
import { type Artifact, idOf, withIndex } from "./step.ts";

/** As many artifacts an index lists: its manifest has to fit into 4 MiB. */
export const mostParts = 10_000;

const indexType = "application/vnd.oci.image.index.v1+json";

/** An artifact that an index lists. */
export interface IndexPart {
  /** Of the Pod that pushed it. */
  readonly index: number;
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * The manifest of an index. The same parts give the same bytes, whenever and by whomever it is written.
 *
 * @param parts - in any order
 */
export function indexManifest(parts: readonly IndexPart[]): {
  readonly mediaType: string;
  readonly bytes: Buffer;
} {
  const manifests = [...parts]
    .sort((a, b) => a.index - b.index)
    .map(({ index, mediaType, digest, size }) => ({
      ...{ mediaType, digest, size },
      annotations: { [names.completionIndexAnnotation]: `${index}` },
    }));
  const manifest = { schemaVersion: 2, mediaType: indexType, artifactType: names.artifactType, manifests };
  return { mediaType: indexType, bytes: Buffer.from(JSON.stringify(manifest)) };
}

/** A part of an index, and what it is called. */
export interface NamedPart {
  readonly index: number;
  readonly artifact: Artifact;
}

/**
 * What an index lists, by name.
 *
 * @param output - of the step, with the variable of the index
 * @param indexes - of Pods
 */
export function partsOf(output: Artifact, indexes: readonly number[]): NamedPart[] {
  return indexes.map((index) => ({ index, artifact: withIndex(output, index) }));
}

/** Whether an index would take the place of one of its parts. */
export function isAmong(index: Artifact, parts: readonly NamedPart[]): boolean {
  return parts.some(({ artifact }) => idOf(artifact) === idOf(index));
}
