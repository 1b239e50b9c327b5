/** An index of the outputs of an Indexed Job's Pods. */
export interface PushedIndex {
  /** `repository:tag`. */
  readonly artifact: string;
  readonly digest: string;
}

/** See toldIndex. */
const pattern = /^Pushed (\S+), an index of [0-9]+ artifacts?: (sha256:[a-f0-9]{64})\.$/;

/**
 * That an index was pushed, in a sentence.
 *
 * @param index - which
 * @param count - how many artifacts are in it
 */
export function indexSentence({ artifact, digest }: PushedIndex, count: number): string {
  return `Pushed ${artifact}, an index of ${count} artifact${count === 1 ? "" : "s"}: ${digest}.`;
}

/**
 * What indexSentence says.
 *
 * @param sentence - from a Job's condition
 * @returns undefined where it is another sentence
 */
export function toldIndex(sentence: string): PushedIndex | undefined {
  const [, artifact, digest] = pattern.exec(sentence) ?? [];
  return artifact === undefined || digest === undefined ? undefined : { artifact, digest };
}
