/** What the keeper of a registry says of its volume. Bytes are exact here. */
export interface Usage {
  /** What the volume takes. */
  readonly capacity: number;
  /** What of it is used, by whatever: an emptyDir shares the file system of its node. */
  readonly used: number;
  readonly free: number;
  /** Tags of all repositories. */
  readonly artifacts: number;
  /** What the registry has stored. */
  readonly bytes: number;
  /** Drawn once for each volume; undefined where it cannot be written. */
  readonly volume?: string | undefined;
  /** When it was drawn, as RFC 3339. */
  readonly since?: string | undefined;
  /** Which folder the registry cannot write to, and why. */
  readonly notWritable?: string | undefined;
  /** What cannot be read. */
  readonly problem?: string | undefined;
}

/** Nobody's words are longer in a status. */
const longestText = 500;

/**
 * What is to be believed of a keeper's report: whoever may make Pods can write one.
 *
 * @param report - JSON
 * @returns undefined where it is none
 */
export function usageOf(report: unknown): Usage | undefined {
  const { mark, notWritable, problem, ...numbers } = fieldsOf(report);
  const { capacity, used, free, artifacts, bytes } = numbers;
  const counts = { capacity, used, free, artifacts, bytes };
  if (!areCounts(counts) || counts.free > counts.capacity) return undefined;
  const { volume, since } = fieldsOf(mark);
  return {
    ...counts,
    volume: textOf(volume),
    since: sinceOf(since),
    notWritable: textOf(notWritable),
    problem: textOf(problem),
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function areCounts<Name extends string>(fields: Record<Name, unknown>): fields is Record<Name, number> {
  return Object.values(fields).every((value) => Number.isSafeInteger(value) && (value as number) >= 0);
}

/** A time after 1970 as a status has it. Of what stands in another form, the API server refuses the whole status. */
function sinceOf(value: unknown): string | undefined {
  const time =
    typeof value === "string" && /^\d{4}-\d{2}-\d{2}T/.test(value) ? Date.parse(value) : Number.NaN;
  return time > 0 ? `${new Date(time).toISOString().slice(0, 19)}Z` : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value.slice(0, longestText) : undefined;
}

/**
 * How full a volume is, in percent. What is free counts: under a limit the file system may be full before.
 *
 * @param usage - of the volume
 */
export function percentOf({ capacity, free }: Pick<Usage, "capacity" | "free">): number {
  return capacity === 0 ? 100 : 100 - (100 * free) / capacity;
}
