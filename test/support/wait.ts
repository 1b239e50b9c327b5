import { setTimeout as delay } from "node:timers/promises";

type Absent = undefined | null | false | "";

/**
 * Waits until something is there. Between two looks it sleeps four times as long as a look took, at most a second: a kubectl
 * every 20 ms would take the processor from what is waited for.
 *
 * @param look - returns it; undefined, null, false, "" (a field or an output that is not there yet) and errors count as not there,
 *   0 does not: it may be what a program ended with
 * @param what - for the message when it never comes
 * @param withinMs - how long to look
 */
export async function until<T>(
  look: () => T | Absent | Promise<T | Absent>,
  what: string,
  withinMs = 120_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  let last: unknown;
  for (;;) {
    const begun = Date.now();
    try {
      const found = await look();
      if (found || found === 0) return found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(`waited ${withinMs} ms in vain for: ${what}${last ? ` (${last})` : ""}`);
    await delay(Math.min(Math.max(20, 4 * (Date.now() - begun)), 1_000));
  }
}
