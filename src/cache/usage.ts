/** How much room a volume has, in bytes. */
export interface Room {
  /** What the volume takes. */
  readonly capacity: number;
  /** What of it is used, by whatever: an emptyDir shares the file system of its node. */
  readonly used: number;
  readonly free: number;
}

/** What the keeper of a registry says of where its artifacts are. Bytes are exact here. */
export interface Usage {
  /** Undefined in a bucket, which has no size. */
  readonly room?: Room | undefined;
  /** Tags of all repositories. */
  readonly artifacts: number;
  /** What the registry has stored; in a bucket, of all objects in the folder. */
  readonly bytes: number;
  /** How many objects that are, and when they were counted, as RFC 3339: only in a bucket. */
  readonly objects?: number | undefined;
  readonly measured?: string | undefined;
  /** Drawn once for each volume; undefined where it cannot be written. */
  readonly volume?: string | undefined;
  /** When it was drawn, as RFC 3339. */
  readonly since?: string | undefined;
  /** Which folder the registry cannot write to, and why. */
  readonly notWritable?: string | undefined;
  /** What cannot be read. */
  readonly problem?: string | undefined;
  /** Undefined where nothing is copied to another registry. */
  readonly mirror?: MirrorReport | undefined;
}

/** What a keeper says of the registry that it copies artifacts to. */
export interface MirrorReport {
  /** As the spec named it when the Pod was made. */
  readonly to: string;
  /** Whether everything was compared once. */
  readonly listed: boolean;
  /** Since when the first tag waits, as RFC 3339. */
  readonly oldest?: string | undefined;
  /** Why nothing is copied by now. */
  readonly trouble?: string | undefined;
  /** How many tags the other registry does not take, and some of them. */
  readonly refused: number;
  readonly samples: readonly { readonly artifact: string; readonly error: string }[];
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
  const { mark, notWritable, problem, mirror, measured, ...numbers } = fieldsOf(report);
  const { artifacts, bytes, objects } = numbers;
  const counts = { artifacts, bytes };
  if (!areCounts(counts)) return undefined;
  const time = sinceOf(measured);
  const folder = { objects };
  if (time !== undefined && areCounts(folder))
    return { ...counts, ...folder, measured: time, problem: textOf(problem) };
  const room = spaceOf(numbers);
  if (room === undefined) return undefined;
  const { volume, since } = fieldsOf(mark);
  return {
    ...counts,
    room,
    volume: textOf(volume),
    since: sinceOf(since),
    notWritable: textOf(notWritable),
    problem: textOf(problem),
    mirror: mirrorOf(mirror),
  };
}

/**
 * What is to be believed of what a keeper says of its volume.
 *
 * @param report - its fields
 * @returns undefined where it has none of a volume
 */
export function spaceOf({ capacity, used, free }: Readonly<Record<string, unknown>>): Room | undefined {
  const room = { capacity, used, free };
  return areCounts(room) && room.free <= room.capacity ? room : undefined;
}

/** As many as a message bears. */
const mostSamples = 3;

/** What is to be believed of what a keeper says of a registry that it copies to. */
export function mirrorOf(report: unknown): MirrorReport | undefined {
  const { to, listed, oldest, trouble, refused, samples } = fieldsOf(report);
  const [name, counts] = [textOf(to), { refused }];
  if (name === undefined || !areCounts(counts)) return undefined;
  return {
    to: name,
    listed: listed === true,
    oldest: sinceOf(oldest),
    trouble: textOf(trouble),
    refused: counts.refused,
    samples: (Array.isArray(samples) ? samples : []).slice(0, mostSamples).map((sample) => {
      const { artifact, error } = fieldsOf(sample);
      return { artifact: textOf(artifact) ?? "?", error: textOf(error) ?? "?" };
    }),
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
 * @param room - of the volume
 */
export function percentOf({ capacity, free }: Room): number {
  return capacity === 0 ? 100 : 100 - (100 * free) / capacity;
}
