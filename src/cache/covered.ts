/**
 * Whether everything in the desired object is in the live one. Fields that the API server filled in do not count.
 * Lists are equal if they have the same length and their elements match in turn.
 *
 * @param desired - what would be applied
 * @param live - what the API server has
 */
export function isCovered(desired: unknown, live: unknown): boolean {
  if (Array.isArray(desired)) {
    return (
      Array.isArray(live) &&
      live.length === desired.length &&
      desired.every((item, i) => isCovered(item, live[i]))
    );
  }
  if (typeof desired === "object" && desired !== null) {
    if (typeof live !== "object" || live === null || Array.isArray(live)) return false;
    return Object.entries(desired).every(
      ([key, value]) => value === undefined || isCovered(value, (live as Record<string, unknown>)[key]),
    );
  }
  return desired === live;
}
