/** Of a key. */
export const shownDigits = 12;

/** A key as people compare it. */
export function shortKey(key: string): string {
  return key.slice(0, shownDigits);
}
