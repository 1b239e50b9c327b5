/** One thing that `explain` knows. */
export interface Topic {
  /** The heading that it is listed under. */
  readonly section: string;
  /** As it is listed. */
  readonly name: string;
  /** Other words to ask for it, in lower case. */
  readonly aliases: readonly string[];
  /** What takes a line each: label, text. */
  readonly facts: readonly (readonly [string, string])[];
  readonly description: string;
  /** What belongs to it, such as the fields of an object. */
  readonly parts?: readonly { readonly name: string; readonly description: string }[];
}
