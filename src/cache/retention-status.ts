import type { ConditionReason } from "../../schema/reasons.ts";
import type { Verdict } from "./conditions.ts";
import type { StorageStatus } from "./storage-status.ts";
import type { StoredOrasCache } from "./types.ts";

/** How a pass of retention ended. */
export interface RetentionOutcome {
  /** When, as RFC 3339; undefined where it could not begin. */
  readonly time?: string;
  readonly freedBytes?: number;
  readonly verdict: Verdict;
}

/**
 * What a status says of retention: the last pass that this leader has seen, else what stands there.
 *
 * @param cache - as stored
 * @param outcome - of the last pass
 */
export function retentionStatus(
  { spec, status }: StoredOrasCache,
  outcome: RetentionOutcome | undefined,
): { readonly storage: Pick<StorageStatus, "lastSweep" | "freedBytes">; readonly verdict?: Verdict } {
  if (spec.retention === undefined) return { storage: {} };
  const lastSweep = outcome?.time ?? status?.storage?.lastSweep;
  const freedBytes = outcome?.freedBytes ?? status?.storage?.freedBytes;
  return {
    storage: {
      ...(lastSweep === undefined ? {} : { lastSweep }),
      ...(freedBytes === undefined ? {} : { freedBytes }),
    },
    verdict: outcome?.verdict ?? known(status) ?? notYet,
  };
}

const notYet: Verdict = {
  status: "Unknown",
  reason: "NotSwept",
  message: "Retention has not run yet.",
};

function known(status: StoredOrasCache["status"]): Verdict | undefined {
  const found = status?.conditions?.find(({ type }) => type === "SweepHealthy");
  return found && { status: found.status, reason: found.reason as ConditionReason, message: found.message };
}
