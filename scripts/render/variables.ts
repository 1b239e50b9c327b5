import type { Schema } from "./schema.ts";

/**
 * Stands for a variable where the form of a value is checked: fine within a repository, a tag and a path, at the
 * front of one and twice in a row, and not in the name of a host.
 */
export const variableSample = "a__a";

/** Matches each variable that a value may hold. */
export function variablePattern(schema: Schema): string {
  return `\\$\\((${Object.keys(schema["x-variables"]).join("|")})\\)`;
}

/** A value as its format's pattern sees it. */
export function withoutVariables(schema: Schema, value: string): string {
  return value.replaceAll(new RegExp(variablePattern(schema), "g"), variableSample);
}
