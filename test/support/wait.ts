import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until something is there.
 *
 * @param look - returns it, or undefined; errors count as not there
 * @param what - for the message when it never comes
 * @param withinMs - how long to look
 */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  withinMs = 120_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(`waited ${withinMs} ms in vain for: ${what}${last ? ` (${last})` : ""}`);
    await delay(20);
  }
}
