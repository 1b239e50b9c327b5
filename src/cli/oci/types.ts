import type { Readable } from "node:stream";

/** A blob or manifest as others name it. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** A manifest as its bytes, which its digest is of. */
export interface RawManifest extends Descriptor {
  readonly bytes: Buffer;
}

/** What is told while bytes move. */
export interface Told {
  /** Called with the number of bytes that moved. */
  readonly onBytes?: ((count: number) => void) | undefined;
  /** Called when the connection broke, and is made anew. */
  readonly onRetry?: ((error: unknown) => void) | undefined;
}

/** A blob that can be read from its beginning again. */
export interface BlobSource {
  readonly digest: string;
  readonly size: number;
  readonly open: () => Readable;
}

/** A registry, by the distribution specification. */
export interface Registry {
  readonly repositories: () => Promise<string[]>;
  readonly tags: (repository: string) => Promise<string[]>;
  /** @throws RegistryError with status 404 where there is none */
  readonly manifest: (repository: string, reference: string) => Promise<RawManifest>;
  /** The same, to list it: that does not count as a pull. */
  readonly listedManifest: (repository: string, reference: string) => Promise<RawManifest>;
  /** The digest of a tag; undefined where it is not there. */
  readonly resolve: (repository: string, reference: string) => Promise<string | undefined>;
  /** The bytes of a blob, verified at the end. */
  readonly readBlob: (repository: string, blob: Descriptor, told?: Told) => AsyncGenerator<Buffer>;
  /** Whether a blob is there. */
  readonly hasBlob: (repository: string, digest: string) => Promise<boolean>;
  /** Pushes a blob, if it is not there. */
  readonly pushBlob: (repository: string, blob: BlobSource, told?: Told) => Promise<void>;
  readonly pushManifest: (
    repository: string,
    reference: string,
    manifest: Pick<RawManifest, "bytes" | "mediaType">,
  ) => Promise<void>;
  readonly deleteManifest: (repository: string, reference: string) => Promise<void>;
}
