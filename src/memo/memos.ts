import type { ForgetAnswer } from "./state.ts";

/** What made a result. */
export interface MemoSource {
  /** Such as `Job`. */
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  /** Name of the Pod whose log tells of it. */
  readonly pod?: string | undefined;
  /** Of a step with `$(RUN)` in its output. */
  readonly run?: string | undefined;
}

/** A manifest that a step has pushed. */
export interface MemoOutput {
  readonly repository: string;
  /** `sha256:…` */
  readonly digest: string;
  /** Of the manifest. */
  readonly mediaType: string;
  /** Of the manifest, in bytes. */
  readonly size: number;
}

/** That a step with a key has made a manifest. */
export interface MemoEntry {
  /** sha256 of the parts, in hexadecimal: see src/lineage/key.ts. */
  readonly key: string;
  /** What the key is made from, as canonical JSON. */
  readonly parts: string;
  readonly output: MemoOutput;
  readonly by: MemoSource;
  /** When the entry was written, as RFC 3339. */
  readonly at: string;
  /** Key of the entry that its output's tag had until then: what people compare it with. */
  readonly before?: string | undefined;
}

/** An entry that is to be written. */
export interface NewMemoEntry extends Omit<MemoEntry, "at" | "output" | "before"> {
  /** The size and the type are those that the registry has. */
  readonly output: Pick<MemoOutput, "repository" | "digest">;
  /** The tag that the step has pushed to, by which `latestOf` finds the entry. */
  readonly tag: string;
  /** See MemoTag. */
  readonly written?: string | undefined;
}

/** Where something stands in a registry. */
export interface MemoTag {
  readonly repository: string;
  readonly tag: string;
  /** The same as its author wrote it, if it has `$(RUN)`: each run has another tag, and what was made in the one before is found by it. */
  readonly written?: string | undefined;
}

/** It is not known, as the registry does not answer, or not as it should. */
export interface NotKnown {
  readonly kind: "unknown";
  /** A sentence without a full stop. */
  readonly because: string;
}

/** What is known of a key. An entry is a hit only if all that it names is there. */
export type Found =
  | { readonly kind: "hit"; readonly entry: MemoEntry }
  /** `because` is a sentence without a full stop, for an Event. */
  | { readonly kind: "miss"; readonly because: string }
  | NotKnown;

/** What has become of a tag. */
export type Retagged =
  /** The tag has the digest now, or had it already. */
  | { readonly kind: "done" }
  /** Somebody has pushed to it since the claim: it is left alone. */
  | { readonly kind: "taken"; readonly digest: string; readonly because: string }
  /** What the entry names is not there any more: it is a miss. */
  | { readonly kind: "gone"; readonly because: string }
  | NotKnown;

/** When a tag may be written. */
export interface RetagLimits {
  /**
   * What the tag had when the step was claimed, as `tagged` says; undefined where it was not there. A tag that has anything
   * else by now is left alone. A registry tells no times, so this has to be kept with the claim.
   */
  readonly before: string | undefined;
  /** When the leader's Lease ends, in milliseconds since 1970: no request goes on for longer. */
  readonly deadline: number;
}

/** What is to become of a request to forget. */
export type Outcome =
  | { readonly kind: "all" }
  | {
      readonly kind: "keys";
      readonly steps: readonly { readonly id: string; readonly keys: readonly string[] }[];
    }
  /** `because` is a sentence without a full stop. */
  | { readonly kind: "refused"; readonly because: string };

/**
 * Results of steps by their keys, in the registries of OrasCaches. `cache` is `namespace/name` everywhere. No function throws for
 * what a registry says or does not say, but for those that say so.
 */
export interface Memos {
  /**
   * Whether there is a result for a key that may be used.
   *
   * @param options - maxAgeSeconds: older entries are misses
   */
  readonly find: (
    cache: string,
    key: string,
    options?: { readonly maxAgeSeconds?: number | undefined },
  ) => Promise<Found>;
  /**
   * The last entry that was written for what has been pushed to a tag, whatever its key: what a miss is compared with. Where there is
   * none, that of the run before. It may be older than what the tag has, and its output may be gone.
   */
  readonly latestOf: (cache: string, output: MemoTag) => Promise<MemoEntry | undefined>;
  /**
   * The keys of the last entries of some outputs, of those that have one.
   *
   * @throws where the registry does not say
   */
  readonly latestKeys: (cache: string, outputs: readonly MemoTag[]) => Promise<readonly string[]>;
  /** The digest that a tag has: for `before` of the claim. */
  readonly tagged: (
    cache: string,
    output: MemoTag,
  ) => Promise<{ readonly digest: string } | { readonly missing: true } | NotKnown>;
  /** Makes a tag name the output of an entry. No bytes of a blob are moved. It can be repeated. */
  readonly retag: (cache: string, entry: MemoEntry, to: MemoTag, limits: RetagLimits) => Promise<Retagged>;
  /**
   * Writes that a step has made a manifest, and when: after its success, by the leader. An entry of the same key is replaced.
   *
   * @throws when it is not written
   */
  readonly write: (cache: string, entry: NewMemoEntry) => Promise<void>;
  /**
   * Makes every entry of some keys that was written until now invalid, also a copy of it that somebody puts back. For `refresh`,
   * before `write`, and for what `verify` has found to be another result.
   *
   * @throws when that is not so
   */
  readonly forget: (cache: string, ...keys: readonly string[]) => Promise<void>;
  /**
   * Carries out what the annotation forget of a cache asks for, and answers it, in one write.
   *
   * @param request - the annotation's value
   * @throws when that is not so
   */
  readonly answer: (cache: string, request: string, outcome: Outcome) => Promise<ForgetAnswer>;
}
