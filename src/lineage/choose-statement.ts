import type { Made } from "./read-statement.ts";

/** By what a statement was chosen of those about one digest. */
export type ChosenBy =
  /** It says that it made the artifact under this name. */
  | "name"
  /** It made the result that was given this name, as the operator remembers. */
  | "memoized"
  /** It is of the run of the step that has read the artifact. */
  | "run"
  /** Nothing but the bytes: they are the same. */
  | "bytes";

/** What is known of an artifact beside its digest. */
export interface Wanted {
  /** `repository:tag`; undefined where it is known by its digest alone. */
  readonly name?: string | undefined;
  /** Who has read it, where somebody has. */
  readonly reader?:
    | { readonly run?: string | undefined; readonly finishedOn?: string | undefined }
    | undefined;
  /** Whose result it was given. */
  readonly source?: Source | undefined;
}

/** Who made a result that was remembered. */
export interface Source {
  /** Such as `job/count`. */
  readonly step: string;
  readonly pod?: string | undefined;
  readonly run?: string | undefined;
  /** When it was remembered, as RFC 3339. */
  readonly at: string;
}

/** A statement, and how sure it is that it is the one. */
export interface Chosen<T extends Made> {
  readonly statement: T;
  readonly by: ChosenBy;
  /** The others about the same bytes, the newest first. */
  readonly others: readonly T[];
}

/**
 * The statement that tells how an artifact was made. Several steps may make the same bytes, and their statements are about one
 * digest.
 *
 * @param all - about the digest
 * @param wanted - what else is known
 * @returns undefined where none is
 */
export function chooseStatement<T extends Made>(
  all: readonly T[],
  { name, reader, source }: Wanted,
): Chosen<T> | undefined {
  const newest = all.toSorted((a, b) => compare(timeOf(b), timeOf(a)));
  const chosen = (pool: readonly T[], by: ChosenBy): Chosen<T> | undefined => {
    const statement = ofReader(pool, reader);
    return statement && { statement, by, others: newest.filter((one) => one !== statement) };
  };
  const named = name === undefined ? [] : newest.filter((one) => nameOf(one) === name);
  if (named.length > 0) return chosen(named, "name");
  if (source !== undefined) return chosen(ofSource(newest, source), "memoized") ?? chosen(newest, "bytes");
  const sameRun = newest.filter(({ run }) => run !== undefined && run === reader?.run);
  return sameRun.length > 0 ? chosen(sameRun, "run") : chosen(newest, "bytes");
}

/** How many steps have made the same bytes: each under each of its names. */
export function makersIn(all: readonly Pick<Made, "step" | "artifact">[]): number {
  return new Set(all.map(({ step, artifact }) => JSON.stringify([step, artifact]))).size;
}

/** `repository:tag` under which a statement knows its artifact. */
export function nameOf({ artifact = "" }: Pick<Made, "artifact">): string | undefined {
  return /^oci:\/\/[^/]*\/(.+)$/.exec(artifact)?.[1];
}

/** What the reader has read was made before it ended. */
function ofReader<T extends Made>(newest: readonly T[], reader: Wanted["reader"]): T | undefined {
  const ofRun = newest.filter(({ run }) => run !== undefined && run === reader?.run);
  const pool = ofRun.length > 0 ? ofRun : newest;
  const end = reader?.finishedOn;
  return pool.find((one) => end === undefined || timeOf(one) <= end) ?? pool[0];
}

/** By its Pod, whose name is of one try; else by the step, which may have run again later. */
function ofSource<T extends Made>(newest: readonly T[], { step, pod, at }: Source): T[] {
  const byPod = newest.filter((one) => pod !== undefined && one.pod === pod);
  if (byPod.length > 0) return byPod;
  return newest.filter((one) => one.step === step && timeOf(one) <= at);
}

function timeOf({ finishedOn = "" }: Made): string {
  return finishedOn;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
