/** Measures how the work of a function grows with the size of what it is given. */

/** Makes a value of a size: characters of a text, items of a list, keys of a map. */
export type Content = (size: number) => unknown;

/** A content at growing sizes, up to the largest. */
export interface Series {
  readonly values: readonly unknown[];
  /** At half of the largest size. */
  readonly half: () => unknown;
}

/** Nothing that is asked of the webhook may take longer. */
const longestMs = 1000;
/** Below this nothing can be said about a ratio; quadratic work at the largest sizes is far above. */
const measurableMs = 30;
const highestRatio = 2.5;
const comparedMs = 250;
/** A ratio is that of the quietest of several rounds: other processes share the caches of the processor. */
const mostRounds = 10;
/** Exponential work must be found before it takes for ever: 26 slashes took a former pattern 10 seconds. */
const smallSizes = [8, 20, 26, 500, 8_000, 120_000];

export function series(content: Content, largest: number): Series {
  const most = Math.floor(largest);
  const values = [...smallSizes.filter((size) => size < most), most].map(content);
  let half: unknown;
  return {
    values,
    half: () => {
      half ??= content(Math.floor(most / 2));
      return half;
    },
  };
}

/**
 * Finds work that is more than linear in the size of a value, or that takes too long.
 *
 * @returns what was found, in words; undefined when the work is linear and fast
 */
export function findGrowth({ values, half }: Series, work: (value: unknown) => void): string | undefined {
  // Time of this thread's processor: on a busy machine the clock measures the others. It ticks in milliseconds, so
  // what is compared runs several times.
  const time = (value: unknown, times = 1) => {
    const begun = process.threadCpuUsage();
    for (let i = 0; i < times; i++) work(value);
    const { user, system } = process.threadCpuUsage(begun);
    return (user + system) / 1000;
  };
  const isSlow = (value: unknown, limit: number) => time(value) > limit && time(value) > limit;
  const slow = values.findIndex((value) => isSlow(value, longestMs));
  if (slow >= 0) return `more than ${longestMs} ms at size ${slow} of ${values.length}`;
  const whole = values.at(-1);
  const once = time(whole);
  if (once < measurableMs) return undefined;
  const times = Math.ceil(comparedMs / once);
  let [least, most] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let linear = 0;
  for (let round = 0; round < mostRounds; round++) {
    const [atHalf, atWhole] = [time(half(), times), time(whole, times)];
    least = Math.min(least, atHalf);
    most = Math.min(most, atWhole);
    // Quadratic work is at 4; one round may be disturbed, not several.
    if (atWhole / atHalf <= highestRatio) linear++;
    if (most / least <= highestRatio || linear > 2) return undefined;
  }
  return `${most.toFixed(0)} ms at the largest size, ${least.toFixed(0)} ms at half of it, ${times} times each`;
}

/**
 * How long an answer to a review may be: the patch is what it adds, in base64, with a command of the author in it once.
 *
 * @param review - how long that is, in characters
 */
export function longestAnswer(review: number): number {
  return 32 * 1024 + 4 * review;
}

/** Text that patterns and parsers like to try in many ways. */
const units = [
  ...'/.-_$:@,;=%9a \n"\\é\u0000',
  ...[
    "a/",
    "/../b",
    "a.",
    "a-",
    "a__",
    "$(",
    "$()",
    "$(POD_NAME)",
    "$$(",
    "9.",
    "1h",
    "[::",
    "oci://",
    "//.",
  ],
];

/** Texts of a size: each unit again and again, then an end that fits to nothing. */
export const hostileTexts: readonly Content[] = units.map((unit) => (size) => {
  const text = `${unit.repeat(Math.ceil(size / unit.length))}!`;
  // One piece in memory, as a text from JSON is: a pattern makes it so.
  /^/.test(text);
  return text;
});

/** Words for the items of lists: different ones, equal ones, those that collide with the operator's. */
export const hostileWords: readonly ((index: number) => string)[] = [
  (i) => `w${i}`,
  (i) => (i === 0 ? "/mnt/oras" : `/mnt/oras-${i}`),
  (i) => `$(POD_NAME)${i}`,
];
