import { setTimeout as delay } from "node:timers/promises";
import { ClusterError } from "./progress.ts";

/**
 * Waits until a condition holds.
 *
 * @param what - for the message when it never does
 * @param holds - an error counts as "not yet"; ClusterError ends the waiting
 * @param seconds - how long to wait at most
 */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  seconds = 60,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      if (await holds()) return;
    } catch (error) {
      if (error instanceof ClusterError) throw error;
      last = error;
    }
    if (Date.now() > deadline) {
      throw new ClusterError(`waited ${seconds} s in vain for: ${what}${last ? ` (${last})` : ""}`);
    }
    await delay(50);
  }
}
