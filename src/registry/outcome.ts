/**
 * Why it is not known what an image runs, in words for the step's author. Who can create Pods chooses whom the operator
 * asks: these sentences tell nothing of what answered, or whether anything did. The operator's log tells the rest.
 */
const sentences = {
  notAName: "it is not the name of an image",
  noAnswer:
    "its registry could not be asked, or did not answer as registries do (the operator asks over HTTPS, for 5 s at most, and only public addresses and the hosts of its option --image-lookup-hosts)",
  notShown: "its registry has no such image, or shows it only with a password",
  notForLinux: "it is not for Linux",
  notAnImage: "it is an artifact, not the image of a container",
  tooLong: "its manifest or configuration is longer than the operator reads, 1 MiB",
  tooManyWords: "its ENTRYPOINT and CMD are longer than 16 KiB",
  busy: "the operator is asking registries for many other images; try again",
} as const;

/** A kind of reason why it is not known what an image runs. */
export type Reason = keyof typeof sentences;

/** It is not known what an image runs. */
export class LookupError extends Error {
  override readonly name = "LookupError";
  readonly reason: Reason;

  /**
   * @param reason - which the step's author sees
   * @param detail - for the operator's log
   */
  constructor(reason: Reason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/**
 * The sentence for the step's author.
 *
 * @param reason - why it is not known what an image runs
 */
export function sentenceFor(reason: Reason): string {
  return sentences[reason];
}
