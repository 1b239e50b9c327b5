const WIDTH = 26;

/**
 * Runs one step and says so in one aligned line: what, how it went, how long it took.
 *
 * @param what - a few words
 * @param work - may return the words for "how it went"
 */
export async function step<T>(what: string, work: () => Promise<T> | T): Promise<T> {
  const began = Date.now();
  const label = `  ${what.padEnd(WIDTH)} `;
  const seconds = () => `${((Date.now() - began) / 1000).toFixed(1)} s`;
  const live = process.stderr.isTTY;
  if (live) process.stderr.write(label);
  const ticker = setInterval(
    () => process.stderr.write(live ? `\r${label}… ${seconds()}` : `${label}still at it, ${seconds()}\n`),
    live ? 1000 : 60_000,
  );
  try {
    const result = await work();
    const outcome = typeof result === "string" ? result : "ready";
    process.stderr.write(`${live ? "\r\x1b[K" : ""}${label}${outcome} (${seconds()})\n`);
    return result;
  } catch (error) {
    process.stderr.write(`${live ? "\r\x1b[K" : ""}${label}FAILED (${seconds()})\n`);
    throw error;
  } finally {
    clearInterval(ticker);
  }
}

/** One line beside the steps. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A problem that the person at the keyboard can do something about: shown without a stack. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
}
