import { names } from "../../schema/names.ts";
import type { EventReason } from "../../schema/reasons.ts";
import { loginNotes } from "../cache/logins.ts";
import { conditionOf } from "../cache/status.ts";
import { grownTo, isReplaced } from "../cache/storage-status.ts";
import type { Trouble } from "../cache/trouble.ts";
import type { OrasCacheStatus, StoredOrasCache } from "../cache/types.ts";
import type { EventNote } from "../kube/events.ts";

/** Whether the operator has not looked at the spec of a cache yet. */
export function isNewSpec(cache: StoredOrasCache): boolean {
  return cache.status?.observedGeneration !== cache.metadata?.generation;
}

const abandonedImage = "ghcr.io/oras-project/registry:latest";

/**
 * The Events that a status leads to.
 *
 * @param cache - as stored
 * @param status - that follows
 * @param trouble - why its registry does not run
 */
export function statusNotes(
  cache: StoredOrasCache,
  status: OrasCacheStatus,
  trouble: Trouble | undefined,
): EventNote[] {
  const notes: EventNote[] = [];
  if (trouble)
    notes.push({ type: "Warning", action: "Reconcile", reason: trouble.reason, note: trouble.message });
  // The original operator's CRD wrote it into every object. It is used as the spec says.
  if (isNewSpec(cache) && cache.spec.image === abandonedImage) {
    const note = `spec.image is ${abandonedImage}, which the original operator wrote into each ${names.kind} and which is not updated. Remove spec.image to run ${names.registryImage}.`;
    notes.push({ type: "Warning", action: "Reconcile", reason: "AbandonedImage", note });
  }
  const lost = conditionOf(status, "StorageLost");
  if (lost && isReplaced(cache.status?.storage, status.storage))
    notes.push({ type: "Warning", action: "Start", reason: "StorageLost", note: lost.message });
  const grown = grownTo(cache.status?.storage, status.storage);
  if (grown !== undefined)
    notes.push({ type: "Normal", action: "Update", reason: "VolumeGrown", note: grown });
  for (const type of ["Open", "StorageLow", "UsersProblem", "NodesBlocked", "KeeperUnreachable"] as const) {
    const [now, before] = [conditionOf(status, type), conditionOf(cache.status, type)];
    if (now === undefined || (before !== undefined && (type === "Open" || before.reason === now.reason)))
      continue;
    const reason = now.reason as EventReason;
    notes.push({ type: "Warning", action: "Reconcile", reason, note: now.message });
  }
  for (const { reason, note } of loginNotes(cache.status, status))
    notes.push({ type: "Normal", action: "Rotate", reason, note });
  return [...notes, ...mirrorNotes(cache, status), ...exportNotes(cache, status)];
}

/** That artifacts are copied before the cache goes, or cannot be. */
function exportNotes(cache: StoredOrasCache, status: OrasCacheStatus): EventNote[] {
  const [now, before] = [conditionOf(status, "Exported"), conditionOf(cache.status, "Exported")];
  if (now === undefined || now.reason === before?.reason) return [];
  const type = now.reason === "ExportFailed" ? "Warning" : "Normal";
  return [{ type, action: "Export", reason: now.reason as EventReason, note: now.message }];
}

/** That artifacts are copied to the other registry, or are not any more. */
function mirrorNotes(cache: StoredOrasCache, status: OrasCacheStatus): EventNote[] {
  const [now, before] = [conditionOf(status, "Mirrored"), conditionOf(cache.status, "Mirrored")];
  if (now === undefined || now.status === "Unknown" || now.reason === before?.reason) return [];
  const type = now.status === "True" ? "Normal" : "Warning";
  return [{ type, action: "Mirror", reason: now.reason as EventReason, note: now.message }];
}
