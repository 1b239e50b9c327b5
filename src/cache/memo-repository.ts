import { names } from "../../schema/names.ts";
import type { OrasCache } from "./types.ts";

/**
 * In which repository of its registry the results of steps are remembered.
 *
 * @param spec - of the cache; undefined where there is none yet
 */
export function memoRepositoryOf(spec: OrasCache["spec"] | undefined): string {
  return spec?.workflow?.memo?.repository ?? names.memoRepository;
}
