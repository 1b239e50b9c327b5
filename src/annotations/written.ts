import { resolveKey } from "./keys.ts";
import type { AnnotationMap } from "./map.ts";
import { type AnnotationName, annotations } from "./table.ts";
import { withRun } from "./variables.ts";

/** The value of an annotation, with the key that it stands under. */
interface Written {
  readonly key: string;
  readonly value: string;
}

/**
 * The values of an annotation, under each of its numbers, with the variable `$(RUN)` filled in where `run` is set. Whether
 * they are right does not matter.
 *
 * @param map - of a Pod or Job
 * @param wanted - the annotation
 */
export function writtenValues(map: AnnotationMap, wanted: AnnotationName): Written[] {
  const run = map[annotations.run.key];
  return Object.entries(map).flatMap(([key, value]) => {
    if (!key.startsWith(annotations[wanted].key)) return [];
    const slot = resolveKey(key);
    if (!("name" in slot) || slot.name !== wanted) return [];
    return [{ key, value: run === undefined ? value : withRun(value, run) }];
  });
}
