import { shortSize } from "../show/sizes.ts";
import { formatTable } from "../show/table.ts";
import type { Listed } from "./list.ts";

/** What repositories hold. */
export interface Usage {
  readonly repository: string;
  readonly artifacts: number;
  /** Of its blobs, each once. */
  readonly bytes: number;
}

/**
 * How much each repository holds, the largest first, and all together: what several name is counted once.
 *
 * @param listed - all artifacts of a cache
 */
export function usageOf(listed: readonly Listed[]): {
  readonly rows: readonly Usage[];
  readonly total: Usage;
} {
  const repositories = Map.groupBy(listed, ({ repository }) => repository);
  const rows = [...repositories].map(([repository, all]) => measured(repository, all));
  return { rows: rows.sort((a, b) => b.bytes - a.bytes), total: measured("", listed) };
}

function measured(repository: string, listed: readonly Listed[]): Usage {
  const blobs = new Map(
    listed.flatMap(
      ({ manifest }) => manifest?.parts.map(({ digest, size }) => [digest, size] as const) ?? [],
    ),
  );
  return {
    repository,
    artifacts: listed.length,
    bytes: [...blobs.values()].reduce((sum, size) => sum + size, 0),
  };
}

/** Where artifacts are, as the status of their cache says. */
interface Storage {
  readonly kind?: string;
  readonly used?: string | number;
  readonly capacity?: string | number;
  readonly fullPercent?: number;
  readonly objects?: number;
  readonly measured?: string;
}

/** What is known of the numbers beside them. */
interface Measured {
  /** The keeper was asked just now; else they are of the status, which may be minutes old. */
  readonly now: boolean;
  /** An emptyDir without a limit: capacity and percentage are those of its node's disk. */
  readonly shared: boolean;
}

const unknownAge: Measured = { now: false, shared: false };

/**
 * The table of `df`.
 *
 * @param listed - all artifacts of a cache
 * @param storage - where they are, with what its keeper measured
 * @param measured - when, and of what
 */
export function formatUsage(
  listed: readonly Listed[],
  storage: Storage = {},
  measured: Measured = unknownAge,
): string {
  const { rows, total } = usageOf(listed);
  const line = ({ repository, artifacts, bytes }: Usage) => [repository, String(artifacts), shortSize(bytes)];
  const all = [...rows, { ...total, repository: "(total)" }];
  return formatTable(["REPOSITORY", "ARTIFACTS", "SIZE"], all.map(line)) + lineOf(storage, measured);
}

/** More than artifacts take: what was removed and is not swept yet, uploads that go on, and on a node's disk all else. */
function lineOf(storage: Storage, measured: Measured): string {
  const told = storedOf(storage, measured);
  return told === undefined ? "" : `\n${told}\n`;
}

const old = "as its status says, which may be minutes old";

/**
 * What the registry has stored, in a line; undefined where nobody has measured it.
 *
 * @param storage - as the status of a cache says, or its keeper
 * @param measured - when, and of what
 */
export function storedOf(
  { kind, used: bytes, capacity, fullPercent, objects, measured: counted }: Storage,
  { now, shared }: Measured = unknownAge,
): string | undefined {
  if (bytes === undefined) return undefined;
  // A quantity of Kubernetes has no unit below 1Ki.
  const used = /^[0-9]+$/.test(String(bytes)) ? `${bytes}B` : bytes;
  if (objects !== undefined)
    return `Storage (${kind}): ${used} in ${objects} objects, counted ${counted ?? "before"}`;
  if (capacity === undefined) return undefined;
  const full = fullPercent === undefined ? "" : `${fullPercent}% full`;
  if (shared)
    return `Storage (${kind}): the registry uses ${used}, ${old}; the disk of its node, which it shares, has ${capacity}${full && ` and is ${full}`}${now ? " now" : ""}`;
  return `Storage (${kind}): the registry uses ${used} of ${capacity}${full && `; ${full}`}${now ? " now" : `, ${old}`}`;
}
