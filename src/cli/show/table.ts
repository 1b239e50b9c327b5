import { visible } from "../../annotations/problems.ts";

/** What stands where nothing is known. */
export const unknown = "-";

/**
 * A table as kubectl prints it: columns by spaces, the last one not filled up.
 *
 * @param header - names of the columns
 * @param rows - texts, which anybody may have written
 */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows.map((row) => row.map(visible))];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("   ")
      .trimEnd();
  return `${all.map(line).join("\n")}\n`;
}
