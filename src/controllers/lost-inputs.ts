import { names } from "../../schema/names.ts";
import { conditionOf } from "../cache/status.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { type EventNote, printable } from "../kube/events.ts";

/** Of a step that an input is missing for. */
const missing: readonly string[] = ["InputNotFound", "InputNeverCame"];

/** Of the note of an Event, as the API server takes it. */
const longestNote = 1024;

/**
 * The Event of a step that misses an input, with why it may be missing: its OrasCache lost artifacts. The step itself sees
 * a registry that never had it.
 *
 * @param note - of how a container of the step ended
 * @param cache - that the step uses, if it exists
 * @returns the same note where it is of something else, or nothing was lost
 */
export function withLoss(note: EventNote, cache: StoredOrasCache | undefined): EventNote {
  const lost = conditionOf(cache?.status, "StorageLost");
  if (!missing.includes(note.reason) || lost?.status !== "True") return note;
  const why = printable(
    `${names.kind} "${cache?.metadata?.name}" has the condition StorageLost since ${lost.lastTransitionTime}: ${lost.message} Run the steps again whose artifacts are needed.`,
  );
  return {
    ...note,
    note: `${note.note.slice(0, Math.max(0, longestNote - why.length - 2))}. ${why}`.slice(0, longestNote),
  };
}
