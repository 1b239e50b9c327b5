/**
 * The values of `key`, `key_1`, `key_2` and so on, as the manifest of an artifact has them.
 *
 * @param annotations - that anybody who may push may have written
 * @param key - without a number
 */
export function numbered(annotations: unknown, key: string): string[] {
  return Object.entries(Object(annotations) as object)
    .filter(([name]) => name === key || name.startsWith(`${key}_`))
    .sort(([a], [b]) => Number(a.slice(key.length + 1)) - Number(b.slice(key.length + 1)))
    .map(([, value]) => String(value));
}
