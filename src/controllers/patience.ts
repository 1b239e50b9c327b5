/** Counts how often something was done for a key, lately. */
export interface Patience {
  /** It was done once more. */
  readonly spend: (key: string) => void;
  /** How long to wait before it may be done again; 0 for now. */
  readonly waitMs: (key: string) => number;
  readonly forget: (key: string) => void;
}

/**
 * Bounds how often something is done: two controllers that put back what the other changed would otherwise do so
 * for ever, as fast as they can.
 *
 * @param most - times within the window
 * @param windowMs - its length
 */
export function createPatience(most: number, windowMs: number): Patience {
  const spent = new Map<string, number[]>();
  const recent = (key: string) =>
    (spent.get(key) ?? []).filter((at) => performance.now() - at < windowMs).slice(-most);
  return {
    spend: (key) => {
      spent.set(key, [...recent(key), performance.now()]);
    },
    waitMs: (key) => {
      const [oldest, ...others] = recent(key);
      if (oldest === undefined || others.length + 1 < most) return 0;
      return Math.max(oldest + windowMs - performance.now(), 1);
    },
    forget: (key) => {
      spent.delete(key);
    },
  };
}
