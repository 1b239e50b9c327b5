import type { EventReason } from "../../schema/reasons.ts";
import type { EventNote } from "../kube/events.ts";
import type { ChildChange } from "./children.ts";

/** The most fields that an Event names; a whole Pod template has hundreds. */
const mostFields = 10;

/**
 * The Events for the changes of one reconciliation, one Event for each sort.
 *
 * @param changes - in order
 */
export function notesOf(changes: readonly ChildChange[]): EventNote[] {
  const of = (kind: ChildChange["kind"]) =>
    changes
      .filter((change) => change.kind === kind)
      .map((change) => change.child)
      .join(" and ");
  const note = (kind: ChildChange["kind"], reason: EventReason, action: string, text: string): EventNote[] =>
    of(kind) === "" ? [] : [{ type: "Normal", reason, action, note: `${text} ${of(kind)}.` }];
  return [
    ...note("created", "Created", "Create", "Created"),
    ...note("updated", "Updated", "Update", "Updated"),
    ...note("deleted", "Deleted", "Delete", "Deleted"),
    ...note(
      "recreated",
      "Recreated",
      "Delete",
      "Fields changed that cannot be updated. Deleted, to create it again:",
    ),
    ...changes.flatMap(correction),
  ];
}

function correction(change: ChildChange): EventNote[] {
  if (change.kind !== "corrected") return [];
  const { child, fields } = change;
  const all = fields.flatMap(({ manager, subresource, fields }) =>
    fields.map((field) => `${field} (set by ${manager}${subresource ? `, ${subresource}` : ""})`),
  );
  const more = all.length > mostFields ? ` and ${all.length - mostFields} more` : "";
  const which = all.length > 0 ? `: ${all.slice(0, mostFields).join(", ")}${more}` : "";
  return [
    {
      type: "Warning",
      reason: "DriftCorrected",
      action: "Update",
      note: `Corrected ${child}${which}.`,
    },
  ];
}
