const digestPattern = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether a text is a digest with its algorithm. */
export function isDigestText(text: string): boolean {
  return digestPattern.test(text);
}
