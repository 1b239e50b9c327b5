import type { V1ResourceRequirements } from "@kubernetes/client-node";
import { amountOf, formatAmount } from "../annotations/quantity.ts";
import type { StoredOrasCache } from "./types.ts";

/** What a keeper needs, measured, and what is enough for any, in thousandths. It stores nothing of its own. */
const bounds: Readonly<
  Record<string, { readonly least: number; readonly most: number; readonly always: boolean }>
> = {
  cpu: { least: 10, most: 100, always: true },
  memory: { least: 32 * 2 ** 20 * 1000, most: 64 * 2 ** 20 * 1000, always: true },
  "ephemeral-storage": { least: 16 * 2 ** 20 * 1000, most: 64 * 2 ** 20 * 1000, always: false },
};

/**
 * The resources of a keeper. What the author writes for the registry it gets too, up to what is enough: a quota of the
 * namespace may want limits of every container, a LimitRange larger requests, and a Pod is Guaranteed only as a whole.
 *
 * @param theirs - of the registry
 */
export function keeperResources(theirs: StoredOrasCache["spec"]["resources"]): V1ResourceRequirements {
  const requests: Record<string, string> = {};
  const limits: Record<string, string> = {};
  for (const [name, { least, most, always }] of Object.entries(bounds)) {
    const limit = theirs?.limits?.[name];
    const written = theirs?.requests?.[name] ?? limit;
    if (written === undefined && !always) continue;
    const wanted = written === undefined ? least : amountOf(String(written)) * 1000;
    const amount = formatAmount(name, Math.ceil(Math.min(Math.max(wanted, least), most)));
    requests[name] = amount;
    if (limit !== undefined) limits[name] = amount;
  }
  return { requests, ...(Object.keys(limits).length > 0 ? { limits } : {}) };
}
