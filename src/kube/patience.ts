/** Counts how often something was done, lately. */
export interface Patience {
  /** It was done again. */
  readonly spend: () => void;
  /** How many milliseconds to wait before it may be done again; 0 for now. */
  readonly waitMs: () => number;
}

/**
 * Bounds how often something is done within a sliding window.
 *
 * @param most - times within the window
 * @param windowMs - its length
 */
export function createPatience(most: number, windowMs: number): Patience {
  let spent: number[] = [];
  const forgetOld = () => {
    const now = performance.now();
    spent = spent.filter((at) => now - at < windowMs).slice(-most);
    return now;
  };
  return {
    spend: () => {
      const now = forgetOld();
      spent.push(now);
    },
    waitMs: () => {
      const now = forgetOld();
      const [oldest] = spent;
      return oldest === undefined || spent.length < most ? 0 : Math.max(oldest + windowMs - now, 1);
    },
  };
}
