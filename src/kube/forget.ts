/**
 * Keeps what is remembered from growing without end: where there is more than allowed, the oldest entry goes. Called after each
 * entry that is added.
 *
 * @param remembered - a Map or a Set
 * @param most - how many entries may stay
 */
export function forgetOldest<K>(
  remembered: Pick<Map<K, unknown>, "size" | "keys" | "delete"> | Set<K>,
  most: number,
): void {
  const { value: oldest, done } = remembered.keys().next();
  if (remembered.size > most && !done) remembered.delete(oldest);
}
