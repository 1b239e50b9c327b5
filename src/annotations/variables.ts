import {
  annotationVariables,
  type VariableName,
  variablePattern,
  variables,
  writtenPattern,
} from "../../schema/variables.ts";
import { type AnnotationMap, isOurs } from "./map.ts";

/** The variables in a value, each once, in the order of the schema. */
export function variablesOf(...values: readonly (string | undefined)[]): VariableName[] {
  // Few values have any, and every review asks for them several times.
  if (!values.some((value) => value?.includes("$("))) return [];
  const found = new Set(values.flatMap((value) => value?.match(variablePattern) ?? []));
  return (Object.keys(variables) as VariableName[]).filter((name) => found.has(`$(${name})`));
}

/** All of them, as messages list them. */
export const knownVariables = Object.keys({ ...variables, ...annotationVariables })
  .map((name) => `$(${name})`)
  .join(", ");

/** The first that looks like a variable in a value and is none, as it is written there. */
export function unknownVariable(value: string): string | undefined {
  return value.replaceAll(writtenPattern, "").match(/\$\([^)]*\)?/)?.[0];
}

/**
 * Each variable that a set of annotations uses, with the keys that hold it.
 *
 * @param map - annotations of a Pod or Job
 */
export function variablesIn(map: AnnotationMap): Map<VariableName, string[]> {
  const used = new Map<VariableName, string[]>();
  for (const key of Object.keys(map).filter(isOurs).sort()) {
    for (const name of variablesOf(map[key])) {
      const keys = used.get(name);
      if (keys) keys.push(key);
      else used.set(name, [key]);
    }
  }
  return used;
}

const run = "$(RUN)";

/** Whether a value, as its author wrote it, takes part in the annotation run. */
export function usesRun(value: string): boolean {
  return value.includes(run);
}

/**
 * A value with the variable $(RUN) filled in.
 *
 * @param value - as its author wrote it
 * @param of - the value of the annotation run
 */
export function withRun(value: string, of: string): string {
  return value.replaceAll(run, () => of);
}

/** What variables stand for in a Pod, as far as it is known. */
export type Values = Readonly<Partial<Record<VariableName, string>>>;

/** A value with the variables filled in that are known; others stay as they are written. */
export function withValues(value: string, values: Values): string {
  return value.replaceAll(variablePattern, (written, name: VariableName) => values[name] ?? written);
}
