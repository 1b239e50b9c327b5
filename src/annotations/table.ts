import * as data from "../../generated/annotations.ts";

export type AnnotationName = keyof typeof data.annotations;
export type FormatName = keyof typeof data.formats;

/** What an annotation is. */
export interface AnnotationDefinition {
  readonly name: AnnotationName;
  /** The full key. */
  readonly key: string;
  /** Whether it may be given several times, with _1, _2, … after its name. */
  readonly list: boolean;
  /** A list: each value belongs to the value of that one which has the same number. */
  readonly of?: AnnotationName;
  /** What it means nothing without. */
  readonly needs?: AnnotationName;
  /** What it means nothing beside. */
  readonly notWith: readonly AnnotationName[];
  /** What it is no list beside. */
  readonly oneWith: readonly AnnotationName[];
  readonly format: FormatName;
  readonly default?: string;
  readonly defaultText: string;
  readonly description: string;
  readonly example: string;
}

/** The form of a value. */
export interface Format {
  readonly pattern: RegExp;
  /** In UTF-16 code units. */
  readonly maxLength: number;
  /** What is allowed, as messages say it. */
  readonly allowed: string;
  /** Whether values may hold variables. */
  readonly variables: boolean;
}

/** Every annotation by its name. */
export const annotations: Readonly<Record<AnnotationName, AnnotationDefinition>> = data.annotations;

/** The forms of values. */
export const formats = Object.fromEntries(
  Object.entries(data.formats).map(([name, format]) => [
    name,
    { ...format, pattern: new RegExp(format.pattern, "u") },
  ]),
) as Readonly<Record<FormatName, Format>>;
