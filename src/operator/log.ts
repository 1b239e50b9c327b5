import { type Logger, pino } from "pino";

export type { Logger };

/**
 * The process's log: one JSON object per line on standard output, with the level as a word and an ISO time.
 *
 * @param level - least level that is written
 */
export function createLog(level: "debug" | "info" | "warn" | "error"): Logger {
  const options = {
    level,
    base: null,
    messageKey: "message",
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  // Not in step with whoever reads it: a review does not wait for its line. What is not written is when the process ends.
  return pino(options, pino.destination({ sync: false }));
}

/**
 * An error as one line: its message, and that of what caused it. Clients of HTTP hide the reason below.
 *
 * @param error - anything that was thrown
 */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const nested = error instanceof AggregateError ? error.errors[0] : error.cause;
  const own = error.message || (error as NodeJS.ErrnoException).code || error.name;
  return nested === undefined ? own : `${own}: ${sentenceOf(nested)}`;
}
