import { variablePattern } from "../../schema/variables.ts";
import { type Values, withValues } from "../annotations/variables.ts";

/**
 * A value of an annotation as each Pod has it. What is not known of a Pod stays as it is written.
 *
 * @param value - of the annotation
 * @param pods - of the step; one that is not there yet counts
 * @returns each value once
 */
export function expand(value: string, pods: readonly Values[]): string[] {
  if (!value.includes("$(")) return [value];
  return [...new Set(pods.map((values) => withValues(value, values)))];
}

/**
 * Whether a value holds a variable that differs between steps and is not known: such a name is never that of another step's
 * artifact. An index alone is the same for all steps.
 *
 * @param value - that was expanded
 */
export function isOfOneStep(value: string): boolean {
  return [...value.matchAll(variablePattern)].some(([, name]) => name !== "JOB_COMPLETION_INDEX");
}
