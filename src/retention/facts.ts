/** A manifest that a repository has, as the keeper has read it. */
export interface Manifest {
  readonly repository: string;
  /** `sha256:…` */
  readonly digest: string;
  /** When it was last pushed there, by whatever tag, as RFC 3339. */
  readonly pushed: string;
  /** When its repository had got its last new manifest, before it was read. */
  readonly listed?: string;
  readonly tags: readonly Tag[];
  /** When it was last pulled, as RFC 3339, if it was while that is known. */
  readonly pulled?: string;
  /** Whether it has the annotation `keep`. */
  readonly keep?: boolean;
  /** The manifest that it is about. */
  readonly subject?: string;
  /** The manifests that it consists of, if it is an index. */
  readonly children?: readonly string[];
  /** Digests in its annotations: what it was made from. */
  readonly inputs?: readonly string[];
  /** What it says as an entry of memoization, and the signature of that; of any content. */
  readonly memo?: { readonly said: string; readonly signature: string };
  /** What it takes: itself, its config, its layers. */
  readonly blobs: readonly Blob[];
}

/** A tag of a manifest. */
export interface Tag {
  readonly name: string;
  /** When it was last pushed, as RFC 3339. */
  readonly pushed: string;
}

/** A blob. */
interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** What a registry has, and what is known of its use. */
export interface Inventory {
  readonly manifests: readonly Manifest[];
  /** Since when every pull is known, in milliseconds since 1970; undefined where none is. */
  readonly pullsSince: number | undefined;
}

/** An inventory, and the time by the clock of whoever has read it, in milliseconds since 1970; undefined where it is not told. */
export interface DatedInventory extends Inventory {
  readonly time: number | undefined;
}

/** What to keep for how long, in milliseconds and bytes. */
export interface Policy {
  readonly rules: readonly Rule[];
  readonly maxSize?: number | undefined;
  readonly keepInputs: boolean;
  readonly untaggedAfter: number;
  readonly grace: number;
}

/** What is kept of some repositories; a tag that none of it keeps may go. */
export interface Rule {
  readonly repositories: readonly string[];
  readonly keepLast?: number | undefined;
  readonly keepYoungerThan?: number | undefined;
  readonly keepPulledWithin?: number | undefined;
}

/** Which repository has entries of memoization, and for how long they keep what they name. */
export interface Remembering {
  readonly repository: string;
  /** Since it was of use last, in milliseconds. */
  readonly keepFor: number;
  /** What an entry names, if the operator has written it and it was not forgotten. */
  readonly openEntry: (
    memo: NonNullable<Manifest["memo"]>,
  ) => { readonly key: string; readonly output: Pick<Manifest, "repository" | "digest"> } | undefined;
}

/** Why something stays. */
export type KeptReason =
  | "noRule"
  | "keepLast"
  | "keepYoungerThan"
  | "keepPulledWithin"
  | "pullsUnknown"
  | "ageUnknown"
  | "annotation"
  | "inUse"
  | "named"
  | "recent"
  | "remembered"
  | "maxSize";

/** What stays, and why. */
export interface Kept {
  readonly repository: string;
  readonly digest: string;
  /** Without one it is the manifest itself. */
  readonly tag?: string;
  readonly reason: KeptReason;
}

/** What is to go: a manifest with all of its tags, or some of its tags alone. */
export interface Deletion {
  readonly repository: string;
  readonly digest: string;
  /** When it was last pushed: another time means that somebody has pushed it again. */
  readonly pushed: string;
  /** As of the manifest. */
  readonly listed?: string;
  /** As of the manifest: another time means that somebody has pulled it meanwhile. */
  readonly pulled?: string;
  /** The indexes that consist of it: they are deleted before it. */
  readonly indexes?: readonly string[];
  readonly tags: readonly Tag[];
  readonly whole: boolean;
  /** The number of the rule that lets it go, from 1; without one it is untagged, or goes with its subject. */
  readonly rule?: number;
  readonly reason: string;
}

/** What a pass does. */
export interface Plan {
  /** In the order in which they are done: what names others goes before them. */
  readonly deletions: readonly Deletion[];
  readonly kept: readonly Kept[];
  /** What all manifests take together, and what those take that stay. */
  readonly bytes: { readonly before: number; readonly after: number };
}
