const firstMs = 5_000;
const growth = 1.5;
/** Of a cache where few artifacts are polled: what was pushed without a word is seen in time. */
const soon = { firstMs: 1_000, laterMs: 2_000 };
/** Before their waits have grown, all artifacts of caches together are asked for once a second at most. */
const eachMs = 1_000;

/** What is known of an artifact when it is decided how long it is not asked for again. */
export interface Polled {
  /** How often it was asked for since it was news, or something happened to it. */
  readonly asked: number;
  /** The longest wait, in milliseconds. */
  readonly longestMs: number;
  /** How many artifacts of caches are polled, this one among them; undefined where it is none of them. */
  readonly count: number | undefined;
}

/**
 * How long after an answer an artifact is asked for again of which nothing is heard, in milliseconds: ever longer. One of a cache is
 * asked for sooner where few are polled, and the later the more there are.
 *
 * @param polled - see there
 */
export function waitMs({ asked, longestMs, count }: Polled): number {
  const grownMs = Math.min(firstMs * growth ** asked, longestMs);
  if (count === undefined) return grownMs;
  return Math.min(grownMs, Math.max(asked === 0 ? soon.firstMs : soon.laterMs, count * eachMs));
}
