import { names } from "../../schema/names.ts";
import { nearest } from "./nearest.ts";
import { type Problem, quoted } from "./problems.ts";
import { type AnnotationName, annotations } from "./table.ts";

/** The annotation that a key names, and its number there. */
export interface Slot {
  readonly name: AnnotationName;
  /** A list's first element has no number, so it counts as 0. */
  readonly number: number;
}

/** A key that names no annotation. */
export interface WrongKey extends Problem {
  /** The annotation that it was probably meant to name. */
  readonly meant?: AnnotationName;
}

/**
 * Finds the annotation that a key names.
 *
 * @param key - under the prefix
 * @returns or why it names none
 */
export function resolveKey(key: string): Slot | WrongKey {
  const written = key.slice(names.prefix.length);
  if (isName(written)) return { name: written, number: 0 };

  const separator = written.indexOf("_");
  const stem = separator < 0 ? written : written.slice(0, separator);
  if (separator < 0 || !isName(stem)) {
    const known = Object.keys(annotations) as AnnotationName[];
    const meant = meantBy(written, known);
    const rest = meant ? `did you mean ${keyOf(meant)}?` : `known are ${known.join(", ")}.`;
    const message = `no such annotation; ${rest}`;
    return { code: "UnknownAnnotation", path: key, message, ...(meant ? { meant: meant.name } : {}) };
  }
  const suffix = written.slice(separator + 1);
  if (!annotations[stem].list) {
    return { code: "NotAList", path: key, message: `${names.prefix}${stem} takes one value.` };
  }
  // Annotation keys are at most 253 characters, so a number may be too large for exact arithmetic: six
  // digits are more than fit into the 256 KiB that all annotations of an object may have.
  if (/^[1-9][0-9]{0,5}$/.test(suffix)) return { name: stem, number: Number(suffix) };
  return {
    code: "BadListNumber",
    path: key,
    message: `found ${quoted(`_${suffix}`)}; allowed is the plain name, then _1, _2, and so on.`,
  };
}

/** What a name that nobody knows was probably meant to be: `output_path`, `Input-URI` and `inputuri-2` are near ones. */
function meantBy(written: string, known: readonly AnnotationName[]): Slot | undefined {
  const plain = written.toLowerCase();
  const [, stem = plain, number] = /^(.*?)[-_.]?([1-9][0-9]{0,5})$/s.exec(plain) ?? [];
  const name = nearest(stem, known) ?? nearest(plain.replace(/_[^_]*$/, ""), known);
  if (name === undefined) return undefined;
  return { name, number: number !== undefined && annotations[name].list ? Number(number) : 0 };
}

/** The key of an annotation's number. */
export function keyOf({ name, number }: Slot): string {
  return number === 0 ? annotations[name].key : `${annotations[name].key}_${number}`;
}

function isName(written: string): written is AnnotationName {
  return Object.hasOwn(annotations, written);
}
