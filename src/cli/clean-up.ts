const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Runs something, and takes away what it leaves: when it is done, has failed, or is interrupted at the terminal.
 *
 * @param remove - takes it away, at once
 * @param run - what leaves something
 */
export async function cleanedUp<T>(remove: () => void, run: () => Promise<T>): Promise<T> {
  const handlers = Object.entries(signals).map(([signal, code]) => {
    // Without a handler, Node ends at once, and nothing is taken away.
    const handler = () => process.exit(code);
    process.once(signal, handler);
    return () => process.off(signal, handler);
  });
  process.once("exit", remove);
  try {
    return await run();
  } finally {
    for (const off of handlers) off();
    process.off("exit", remove);
    remove();
  }
}
