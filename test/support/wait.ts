import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until something is there. Between two looks it sleeps four times as long as a look took, at most a second: a kubectl
 * every 20 ms would take the processor from what is waited for.
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
    const begun = Date.now();
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(`waited ${withinMs} ms in vain for: ${what}${last ? ` (${last})` : ""}`);
    await delay(Math.min(Math.max(20, 4 * (Date.now() - begun)), 1_000));
  }
}
