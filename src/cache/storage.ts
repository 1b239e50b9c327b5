import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "./types.ts";

/** Where a registry keeps its artifacts. */
export type Storage =
  | { readonly kind: "emptyDir"; readonly sizeLimit?: string | undefined }
  /** `isOwn`: the operator makes the claim; else it is the author's. */
  | { readonly kind: "persistentVolumeClaim"; readonly claim: string; readonly isOwn: boolean };

/**
 * The storage that a spec asks for.
 *
 * @param cache - as stored
 */
export function storageOf({ spec, metadata }: StoredOrasCache): Storage {
  const { persistentVolumeClaim, emptyDir } = spec.storage ?? {};
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

/**
 * Whether a keeper runs beside the registry: where its artifacts are on a volume of its Pod, for sure.
 *
 * @param cache - as stored
 */
export function hasKeeper(cache: StoredOrasCache): boolean {
  return cache.spec.deploy && !mayBeElsewhere(cache);
}
