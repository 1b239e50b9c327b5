import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { visible } from "../../annotations/problems.ts";
import { exits } from "../exits.ts";
import { digestOf, longestManifest } from "../oci/registry.ts";
import type { BlobSource, Descriptor, Told } from "../oci/types.ts";
import { CliError, reasonOf } from "../output.ts";

/** The blobs of a layout: files that are whole and named by their digest, or not there. */
export interface Blobs {
  readonly has: (blob: Pick<Descriptor, "digest" | "size">) => Promise<boolean>;
  /** A small one; undefined where it is not there. */
  readonly read: (digest: string) => Promise<Buffer | undefined>;
  /** The bytes of one. The last of them come when all are verified. */
  readonly stream: (blob: Pick<Descriptor, "digest" | "size">) => AsyncGenerator<Buffer>;
  /** Writes one, unless it is there. */
  readonly add: (blob: BlobSource, told?: Told) => Promise<void>;
  /** Writes another file of the layout, in one step. */
  readonly replace: (file: string, text: string) => Promise<void>;
  readonly written: () => number;
  /** Takes away what was begun and is not complete. */
  readonly close: () => void;
}

const partialPrefix = ".partial-";
/** A command that was killed leaves what it began; one that is this long at a single blob is none. */
const abandonedMs = 24 * 3600 * 1000;

/**
 * The blobs of a layout.
 *
 * @param folder - of the layout
 */
export function openBlobs(folder: string): Blobs {
  const pathOf = (digest: string) => join(folder, "blobs", "sha256", digest.slice("sha256:".length));
  const underWay = new Map<string, Promise<void>>();
  let partial: string | undefined;
  let count = 0;
  let written = 0;

  // Whoever made the layout may have put a pipe there, which would be waited for.
  const sizeOf = async (path: string) => {
    const found = await stat(path).catch(() => undefined);
    return found?.isFile() ? found.size : undefined;
  };

  const has: Blobs["has"] = async ({ digest, size }) => (await sizeOf(pathOf(digest))) === size;

  /** Flushed before it has its name: after a power failure, too, a file is whole or not there. */
  const write = async (path: string, content: Readable) => {
    partial ??= makePartial(folder);
    const file = join(partial, String(count++));
    await pipeline(content, createWriteStream(file, { flush: true }));
    await rename(file, path);
  };

  const addOnce = async (blob: BlobSource, { onBytes }: Told) => {
    const { digest, size, open } = blob;
    if (await has(blob)) return onBytes?.(size);
    const counted = open().on("data", (chunk: Buffer) => {
      written += chunk.length;
      onBytes?.(chunk.length);
    });
    await write(pathOf(digest), counted);
  };

  return {
    has,
    read: async (digest) => {
      const path = pathOf(digest);
      const size = await sizeOf(path);
      if (size === undefined) return undefined;
      if (size > longestManifest) throw damaged(path);
      const bytes = await buffer(contentOf(path));
      if (digestOf(bytes) !== digest) throw damaged(path);
      return bytes;
    },
    stream: async function* ({ digest, size }) {
      const path = pathOf(digest);
      if (!(await has({ digest, size }))) throw damaged(path);
      const hash = createHash("sha256");
      let held: Buffer | undefined;
      for await (const chunk of contentOf(path)) {
        if (held !== undefined) yield held;
        hash.update(chunk);
        held = chunk;
      }
      if (`sha256:${hash.digest("hex")}` !== digest) throw damaged(path);
      if (held !== undefined) yield held;
    },
    add: async (blob, told = {}) => {
      // With the size: a manifest that names a false one is to fail alone.
      const key = `${blob.digest} ${blob.size}`;
      const other = underWay.get(key);
      const own = other ?? addOnce(blob, told).finally(() => underWay.delete(key));
      if (other === undefined) underWay.set(key, own);
      await own;
      if (other !== undefined) told.onBytes?.(blob.size);
    },
    replace: (file, text) => write(join(folder, file), Readable.from([Buffer.from(text)])),
    written: () => written,
    close: () => {
      if (partial !== undefined) rmSync(partial, { recursive: true, force: true });
    },
  };
}

/** A folder beside the blobs: what is renamed must be in the same file system. */
function makePartial(folder: string): string {
  for (const name of readdirSync(folder).filter((each) => each.startsWith(partialPrefix))) {
    const path = join(folder, name);
    const { mtimeMs = Infinity } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (mtimeMs < Date.now() - abandonedMs) rmSync(path, { recursive: true, force: true });
  }
  return mkdtempSync(join(folder, partialPrefix));
}

async function* contentOf(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path) as AsyncIterable<Buffer>;
  } catch (error) {
    throw new CliError(`The file ${visible(path)} cannot be read: ${reasonOf(error)}.`, exits.failed, {
      cause: error,
    });
  }
}

function damaged(path: string): CliError {
  const message = `The file ${visible(path)} is missing, or is not what its name says. Remove it, and run the backup again.`;
  return new CliError(message, exits.failed);
}
