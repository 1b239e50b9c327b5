import { stringify } from "yaml";

/**
 * Data for programs.
 *
 * @param value - to print
 * @param format - of the text
 */
export function formatData(value: unknown, format: "json" | "yaml"): string {
  return format === "json" ? `${JSON.stringify(value, undefined, 2)}\n` : stringify(value);
}
