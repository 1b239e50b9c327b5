import { type Logger, pino } from "pino";
import { sentenceOf } from "../kube/errors.ts";
import type { Resource } from "../kube/resources.ts";

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
  // Not in step with the reader: a review does not wait for its line. What is not written is when the process ends.
  return pino(options, pino.destination({ sync: false }));
}

/**
 * Logs what keeps a watch from going on.
 *
 * @param log - of the process
 * @param resource - that is watched
 */
export function watchTrouble(log: Logger, { plural }: Resource): (error: unknown, retryInMs: number) => void {
  return (error, retryInMs) =>
    log.warn({ error: sentenceOf(error), retryInMs }, `watch of ${plural} failed, retrying`);
}
