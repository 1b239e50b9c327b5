import type { Defaults } from "../annotations/settings.ts";
import type { OrasCache } from "./types.ts";

/**
 * What counts for steps that use an OrasCache, where their annotations do not say it.
 *
 * @param cache - the OrasCache, if it exists
 */
export function stepDefaults(cache: OrasCache | undefined): Defaults {
  const { waitForInputs, memoize = "off" } = cache?.spec?.workflow ?? {};
  return { ...(waitForInputs && { "wait-for-inputs": "true" }), ...(memoize !== "off" && { memoize }) };
}
