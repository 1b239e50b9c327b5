import type { EventNote } from "../kube/events.ts";
import type { ChildChange } from "./children.ts";

/**
 * What is told of the changes that one look at a cache led to, one event for each sort.
 *
 * @param changes - in order
 * @param forNewSpec - whether the spec changed; else somebody changed a child
 */
export function notesOf(changes: readonly ChildChange[], forNewSpec: boolean): EventNote[] {
  const of = (kind: ChildChange["kind"]) =>
    changes
      .filter((change) => change.kind === kind)
      .map((change) => change.child)
      .join(" and ");
  const removed = changes.flatMap((change) =>
    change.kind === "cleaned" ? change.removed.map((field) => `${change.child} ${field}`) : [],
  );
  const notes: (EventNote | false)[] = [
    of("created") !== "" && {
      type: "Normal",
      reason: "Created",
      action: "Create",
      note: `Created ${of("created")}.`,
    },
    of("updated") !== "" &&
      (forNewSpec
        ? { type: "Normal", reason: "Updated", action: "Update", note: `Updated ${of("updated")}.` }
        : {
            type: "Warning",
            reason: "DriftCorrected",
            action: "Update",
            note: `Put ${of("updated")} back as it was.`,
          }),
    removed.length > 0 && {
      type: "Warning",
      reason: "DriftRemoved",
      action: "Update",
      note: `Removed what does not belong there: ${removed.join(", ")}.`,
    },
    of("deleted") !== "" && {
      type: "Normal",
      reason: "Deleted",
      action: "Delete",
      note: `Deleted ${of("deleted")}.`,
    },
  ];
  return notes.filter((note) => note !== false);
}
