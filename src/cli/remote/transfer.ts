import { inParallel } from "../../common/in-parallel.ts";
import { copyArtifact } from "../artifacts/copy.ts";
import { referencesOf } from "../artifacts/manifest.ts";
import { exits } from "../exits.ts";
import { DigestError, RegistryError } from "../oci/errors.ts";
import type { RawManifest } from "../oci/types.ts";
import { CliError, reasonOf } from "../output.ts";
import { showProgress } from "../show/progress.ts";
import { toldBy } from "./get.ts";

/** What a backup or a restore did. */
export interface Moved {
  /** Tags that are there. */
  readonly artifacts: number;
  /** Of them, those that were not on the other side. */
  readonly copied: number;
  /** Of the blobs that were copied. */
  readonly bytes: number;
  /** Sentences about artifacts that were not copied. */
  readonly problems: readonly string[];
}

/** One artifact, on its way. */
export interface Transfer {
  /** For messages. */
  readonly shown: string;
  readonly digest: string;
  /** Of its blobs; what an index names is known later. */
  readonly bytes: number;
  /** Its manifest. */
  readonly read: () => Promise<RawManifest>;
  readonly from: Parameters<typeof copyArtifact>[0];
  readonly to: Parameters<typeof copyArtifact>[1];
  /** Its tag there. */
  readonly tag: string;
}

/** Artifacts at once. Each copies several blobs at once; connections are limited elsewhere. */
const mostAtOnce = 4;

/**
 * Copies artifacts. What is wrong with one of them keeps no other from being copied.
 *
 * @param transfers - which
 * @param what - is done, for the progress
 * @returns those that were copied, and what is wrong with the others
 */
export async function transferAll(
  transfers: readonly Transfer[],
  what: string,
): Promise<{ readonly copied: readonly Transfer[]; readonly problems: readonly string[] }> {
  const total = transfers.reduce((sum, { bytes }) => sum + bytes, 0);
  const progress = showProgress(what, total);
  try {
    const outcomes = await inParallel(
      transfers,
      async (transfer) => {
        const { from, to, read, tag, shown } = transfer;
        const copy = async () =>
          copyArtifact(from, to, await read(), { reference: tag, shown }, toldBy(progress));
        return { transfer, problem: await problemOf(shown, copy) };
      },
      mostAtOnce,
    );
    return {
      copied: outcomes.filter(({ problem }) => problem === undefined).map(({ transfer }) => transfer),
      problems: outcomes.flatMap(({ problem = [] }) => problem),
    };
  } finally {
    progress.end();
  }
}

/**
 * Runs something for one artifact.
 *
 * @returns what is wrong with that one; what is wrong with the way to all of them is thrown
 */
export async function problemOf(shown: string, run: () => Promise<void>): Promise<string | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    if (!isOfOne(error)) throw error;
    return `${shown}: ${reasonOf(error)}`;
  }
}

function isOfOne(error: unknown): boolean {
  if (error instanceof RegistryError) return [400, 404, 413, 416].includes(error.status);
  return error instanceof DigestError || (error instanceof CliError && error.exitCode === exits.failed);
}

/** A manifest that is longer is not held until it is its turn: all of a cache's together would not fit into memory. */
const longestHeld = 2 ** 14;

/**
 * What a transfer knows of a manifest that was read.
 *
 * @param raw - the manifest
 * @param shown - the artifact, for messages
 * @param again - reads it again
 */
export function heldManifest(
  raw: RawManifest,
  shown: string,
  again: () => Promise<RawManifest>,
): Pick<Transfer, "shown" | "digest" | "bytes" | "read"> {
  const read = raw.size > longestHeld ? again : () => Promise.resolve(raw);
  return { shown, digest: raw.digest, bytes: sizeOf(raw, shown), read };
}

function sizeOf(raw: RawManifest, shown: string): number {
  return blobsOf(raw, shown).reduce((sum, { size }) => sum + size, 0);
}

/** What a manifest names; nothing of one that is none: copying it says what is wrong with it. */
export function blobsOf(
  raw: RawManifest,
  shown: string,
): readonly { readonly digest: string; readonly size: number }[] {
  try {
    return referencesOf(raw, shown).blobs;
  } catch {
    return [];
  }
}
