import { Readable } from "node:stream";
import { mediaTypeOf } from "../artifacts/manifest.ts";
import { exits } from "../exits.ts";
import { digestOf } from "../oci/registry.ts";
import type { RawManifest, Registry } from "../oci/types.ts";
import { CliError } from "../output.ts";
import { openBlobs } from "./blobs.ts";
import { indexFile, type Named, readIndex, textOf, writingIndex } from "./index-file.ts";

/** A folder that is an OCI image layout, as one side of a copy: what is pushed is a blob, and its tag an entry. */
export interface Layout extends Pick<Registry, "manifest" | "readBlob" | "pushBlob" | "pushManifest"> {
  /** The manifest of a digest, if it is there. */
  readonly find: (digest: string) => Promise<RawManifest | undefined>;
  /** Lists what was pushed in `index.json`, in one step. What is listed already stays, unless its tag has moved. */
  readonly commit: () => Promise<void>;
  /** Bytes of blobs that were written. */
  readonly written: () => number;
  readonly close: () => void;
}

/**
 * Opens a layout.
 *
 * @param folder - that is one
 */
export function openLayout(folder: string): Layout {
  const blobs = openBlobs(folder);
  const named = new Map<string, Named>();
  const find: Layout["find"] = async (digest) => {
    const bytes = await blobs.read(digest);
    return bytes && { digest, bytes, size: bytes.length, mediaType: mediaTypeOf(bytes) };
  };
  return {
    find,
    manifest: async (repository, digest) => {
      const found = await find(digest);
      if (found !== undefined) return found;
      const message = `the backup has no manifest ${repository}@${digest}. Run the backup again`;
      throw new CliError(message, exits.failed);
    },
    readBlob: (_, blob) => blobs.stream(blob),
    pushBlob: (_, blob, told) => blobs.add(blob, told),
    pushManifest: async (repository, reference, { bytes, mediaType }) => {
      const [digest, size] = [digestOf(bytes), bytes.length];
      await blobs.add({ digest, size, open: () => Readable.from([bytes]) });
      const name = `${repository}:${reference}`;
      if (!reference.includes(":")) named.set(name, { mediaType, digest, size, name });
    },
    commit: async () => {
      if (named.size === 0) return;
      // Read now: another command may have added to it meanwhile.
      await writingIndex(folder, async () =>
        blobs.replace(indexFile, textOf(await readIndex(folder), [...named.values()])),
      );
      named.clear();
    },
    written: blobs.written,
    close: blobs.close,
  };
}
