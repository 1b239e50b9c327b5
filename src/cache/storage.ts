import { names } from "../../schema/names.ts";
import { prefixOf, type S3Spec } from "./s3.ts";
import type { StoredOrasCache } from "./types.ts";

/** Where a registry keeps its artifacts. */
export type Storage =
  | { readonly kind: "emptyDir"; readonly sizeLimit?: string | undefined }
  /** `isOwn`: the operator makes the claim; else it is the author's. */
  | { readonly kind: "persistentVolumeClaim"; readonly claim: string; readonly isOwn: boolean }
  | { readonly kind: "s3"; readonly s3: S3Spec; readonly prefix: string };

/**
 * The storage that a spec asks for.
 *
 * @param cache - as stored
 */
export function storageOf(cache: StoredOrasCache): Storage {
  const { spec, metadata } = cache;
  const { persistentVolumeClaim, emptyDir, s3 } = spec.storage ?? {};
  if (s3 !== undefined) return { kind: "s3", s3, prefix: prefixOf(cache, s3) };
  if (persistentVolumeClaim === undefined) return { kind: "emptyDir", sizeLimit: emptyDir?.sizeLimit };
  const { claimName } = persistentVolumeClaim;
  return {
    kind: "persistentVolumeClaim",
    claim: claimName ?? `${metadata?.name}-data`,
    isOwn: claimName === undefined,
  };
}

/**
 * Whether variables of the author's may choose another storage, as the original operator's users do. The operator
 * cannot see the keys of a Secret.
 *
 * @param cache - as stored
 */
export function mayBeElsewhere({ spec }: StoredOrasCache): boolean {
  if (spec.storage !== undefined) return false;
  return (
    spec.secrets?.orasEnv !== undefined ||
    (spec.env ?? []).some(({ name }) => name.startsWith(names.registryStorageVariable))
  );
}

/** Whether artifacts are to be copied to another registry when a cache is deleted. */
export function asksForExport({ spec, metadata }: StoredOrasCache): boolean {
  return spec.deploy && metadata?.annotations?.[names.exportAnnotation] !== undefined;
}

/**
 * Whether a keeper runs beside the registry: to look after its artifacts, its certificate, or users that change, or to copy
 * artifacts in the end.
 *
 * @param cache - as stored
 */
export function runsKeeper(cache: StoredOrasCache): boolean {
  const { deploy, tls, auth } = cache.spec;
  return (
    keepsArtifacts(cache) ||
    asksForExport(cache) ||
    (deploy && (tls !== undefined || auth?.usersSecretRef !== undefined || auth?.rotate !== undefined))
  );
}

/**
 * Whether a keeper looks after the registry's artifacts, so that it can tell what is there and free what nothing names: on a
 * volume of its Pod, or in S3.
 *
 * @param cache - as stored
 */
export function keepsArtifacts(cache: StoredOrasCache): boolean {
  return hasKeeper(cache) || (cache.spec.deploy && cache.spec.storage?.s3 !== undefined);
}

/**
 * Whether a keeper looks after the registry's volume: where its artifacts are on a volume of its Pod, for sure.
 *
 * @param cache - as stored
 */
export function hasKeeper(cache: StoredOrasCache): boolean {
  return cache.spec.deploy && cache.spec.storage?.s3 === undefined && !mayBeElsewhere(cache);
}
