import { visible } from "../annotations/problems.ts";
import { refusalCatalogue } from "../annotations/refusals.ts";

/** Why a step cannot have a key: where, and what was found there. */
export interface Refusal {
  readonly code: RefusalCode;
  /** Path of the field in the submitted object, or the name of an annotation. */
  readonly path: string;
  /** A sentence: what was found. */
  readonly message: string;
}

/** The stable code of a refusal. */
export type RefusalCode = keyof typeof refusalCatalogue;

/**
 * One line for a person: path, what was found, what to write, code.
 *
 * @param refusal - of a step
 */
export function describeRefusal({ code, path, message }: Refusal): string {
  return `${visible(`${path}: ${message}`)} ${refusalCatalogue[code].fix} (${code})`;
}
