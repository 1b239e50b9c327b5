/**
 * A time as milliseconds since 1970; undefined where there is none.
 *
 * @param text - RFC 3339
 */
export function timeOf(text: string): number | undefined {
  const time = Date.parse(text);
  return time > 0 ? time : undefined;
}
