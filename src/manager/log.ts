import { type Logger, pino } from "pino";

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
