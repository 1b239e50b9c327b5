import type { IncomingMessage } from "node:http";

/**
 * The lines of an answer as they come. An answer that falls silent for too long is given up: half-open
 * connections never end by themselves, and a healthy watch gets a bookmark every minute or so.
 *
 * @param response - of a watch
 * @param silenceMs - longest silence
 * @throws SilenceError when it fell silent; whatever broke the connection otherwise
 */
export async function* linesOf(response: IncomingMessage, silenceMs: number): AsyncGenerator<string> {
  const watchdog = setTimeout(() => response.destroy(new SilenceError(silenceMs)), silenceMs);
  let rest = "";
  response.setEncoding("utf8");
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      watchdog.refresh();
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      yield* lines.filter((line) => line !== "");
    }
  } finally {
    clearTimeout(watchdog);
    response.destroy();
  }
}

/** A watch fell silent. */
export class SilenceError extends Error {
  override readonly name = "SilenceError";

  /** @param silenceMs - how long no data came */
  constructor(silenceMs: number) {
    super(`no data for ${silenceMs / 1000} s`);
  }
}
