/** What a server asks for. */
export interface Challenge {
  /** In small letters, such as `bearer`. */
  readonly scheme: string;
  /** By their names in small letters. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Takes the header `WWW-Authenticate` apart, where it has one challenge. Values need no quotes.
 *
 * @param header - such as `Bearer realm="https://auth.example.com/token",service="registry"`
 * @returns undefined where it is no challenge
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 */
export function parseChallenge(header: string): Challenge | undefined {
  const [, scheme, rest] = /^ *([a-z]+)(?: (.*))?$/is.exec(header) ?? [];
  if (scheme === undefined) return undefined;
  const found = (rest ?? "").matchAll(
    /(?<=^|,)[ \t]*([a-z_]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/gi,
  );
  const parameters = [...found].map(([, key = "", quoted, bare]) => [
    key.toLowerCase(),
    quoted?.replaceAll(/\\(.)/g, "$1") ?? bare ?? "",
  ]);
  return { scheme: scheme.toLowerCase(), parameters: Object.fromEntries(parameters) };
}
