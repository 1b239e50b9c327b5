import type { ArtifactReference, Registry } from "./reference.ts";

/** What a step's author asked for, after parsing: every value valid, defaults that are constants filled in. */
export interface Settings {
  /** Artifacts to pull, in numeric order of their annotations. */
  readonly inputs: readonly ArtifactReference[];
  /** Artifact to push. */
  readonly output: ArtifactReference | undefined;
  readonly inputPath: string | undefined;
  readonly outputPath: string | undefined;
  readonly outputPipe: string | undefined;
  /** Name of the OrasCache in the same namespace. */
  readonly cache: string;
  /** Image with the oras CLI, where it is not the operator's tools image. */
  readonly orasContainer: string | undefined;
  /** Remote registry that is used instead of the cache. */
  readonly registry: Registry | undefined;
  /** Secret with credentials. */
  readonly orasEnv: string | undefined;
  /** Name of the container to wrap, where the author chose one. */
  readonly container: string | undefined;
  /** URL of a replacement for the launcher. */
  readonly entrypoint: string | undefined;
  /** URL of a replacement for the pushing container's script. */
  readonly orasEntrypoint: string | undefined;
  readonly debug: boolean;
  readonly unpack: boolean;
}
