import { amountOf } from "../annotations/quantity.ts";

/** Fields that hold quantities, or maps of them: the API server writes `1000m` as `1`. */
const quantities = new Set(["requests", "limits", "sizeLimit", "divisor"]);

/**
 * Whether everything in the desired object is in the live one. Fields that the API server filled in do not count.
 * Lists are equal if they have the same length and their elements match in turn.
 *
 * @param desired - what would be applied
 * @param live - what the API server has
 */
export function isCovered(desired: unknown, live: unknown): boolean {
  if (Array.isArray(desired)) {
    // The API server has no empty lists.
    if (desired.length === 0 && live === undefined) return true;
    return (
      Array.isArray(live) &&
      live.length === desired.length &&
      desired.every((item, i) => isCovered(item, live[i]))
    );
  }
  if (typeof desired === "object" && desired !== null) {
    if (typeof live !== "object" || live === null || Array.isArray(live)) return false;
    return Object.entries(desired).every(
      ([key, value]) =>
        value === undefined || isCoveredField(key, value, (live as Record<string, unknown>)[key]),
    );
  }
  return desired === live;
}

function isCoveredField(key: string, desired: unknown, live: unknown): boolean {
  return isCovered(desired, live) || (quantities.has(key) && isSameAmount(desired, live));
}

function isSameAmount(desired: unknown, live: unknown): boolean {
  if (typeof desired !== "object" || desired === null)
    return amountOf(String(desired)) === amountOf(String(live));
  return Object.entries(desired).every(([name, value]) =>
    isSameAmount(value, (live as Record<string, unknown> | undefined)?.[name]),
  );
}
