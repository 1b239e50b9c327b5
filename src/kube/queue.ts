import { type Backoff, createBackoff } from "./backoff.ts";

/** What the queue reports, for metrics. */
export interface QueueObserver {
  readonly added: () => void;
  readonly depth: (waiting: number) => void;
  readonly started: (waitedMs: number) => void;
  readonly finished: (tookMs: number, result: "success" | "error" | "requeue_after") => void;
}

/** Node starts a timer that is longer at once. */
const longestTimerMs = 2 ** 31 - 1;

/** How keys are worked on. */
export interface QueueSettings {
  /**
   * Brings the world in line for one key.
   *
   * @returns after how many milliseconds to look again, if at all
   * @throws RetryError to be asked again after a time of its choice; anything else: after a wait that doubles
   */
  readonly process: (key: string) => Promise<number | undefined>;
  readonly onError: (key: string, error: unknown, retryInMs: number) => void;
  readonly workers: number;
  readonly observer?: QueueObserver;
  readonly createBackoff?: () => Backoff;
}

/** A failure that says when to retry. */
export class RetryError extends Error {
  override readonly name = "RetryError";
  readonly retryInMs: number;

  /**
   * @param cause - what failed
   * @param retryInMs - when to try again
   */
  constructor(cause: unknown, retryInMs: number) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.retryInMs = retryInMs;
  }
}

/** Keys that wait to be worked on. */
export interface Queue {
  /** Asks for a key to be worked on. Asking again before it is its turn changes nothing. */
  readonly add: (key: string) => void;
  /** Takes no more work, and settles when what is being worked on is done. */
  readonly stop: () => Promise<void>;
}

interface Entry {
  state: "idle" | "waiting" | "running" | "running-again";
  since: number;
  timer?: NodeJS.Timeout | undefined;
  backoff?: Backoff | undefined;
}

/**
 * A queue of keys: each is worked on by one worker at a time, and again if it was asked for meanwhile; after an
 * error with a wait that doubles each time.
 *
 * @param settings - see there
 */
export function createQueue(settings: QueueSettings): Queue {
  const { observer, workers } = settings;
  const entries = new Map<string, Entry>();
  const waiting: string[] = [];
  let running = 0;
  let stopping: (() => void) | undefined;

  const add = (key: string) => {
    if (stopping) return;
    const entry = entries.get(key) ?? { state: "idle", since: 0 };
    entries.set(key, entry);
    clearTimeout(entry.timer);
    entry.timer = undefined;
    if (entry.state === "running") entry.state = "running-again";
    if (entry.state !== "idle") return;
    entry.state = "waiting";
    entry.since = performance.now();
    waiting.push(key);
    observer?.added();
    observer?.depth(waiting.length);
    next();
  };

  const next = () => {
    while (running < workers && !stopping) {
      const key = waiting.shift();
      if (key === undefined) return;
      running++;
      void work(key, entries.get(key) as Entry);
    }
  };

  const work = async (key: string, entry: Entry) => {
    entry.state = "running";
    const begun = performance.now();
    observer?.depth(waiting.length);
    observer?.started(begun - entry.since);
    let againInMs: number | undefined;
    let result: "success" | "error" | "requeue_after" = "success";
    try {
      againInMs = await settings.process(key);
      entry.backoff = undefined;
      if (againInMs !== undefined) result = "requeue_after";
    } catch (error) {
      againInMs = error instanceof RetryError ? error.retryInMs : nextWait(entry);
      result = "error";
      settings.onError(key, error instanceof RetryError ? error.cause : error, againInMs);
    }
    observer?.finished(performance.now() - begun, result);
    running--;
    settle(key, entry, againInMs);
    if (stopping && running === 0) stopping();
    next();
  };

  const nextWait = (entry: Entry): number => {
    entry.backoff ??= (settings.createBackoff ?? (() => createBackoff(100, 300_000)))();
    return entry.backoff.next();
  };

  const settle = (key: string, entry: Entry, againInMs: number | undefined) => {
    const again = entry.state === "running-again";
    entry.state = "idle";
    if (again) add(key);
    else if (againInMs !== undefined && !stopping)
      entry.timer = setTimeout(() => add(key), Math.min(againInMs, longestTimerMs));
    else if (entry.backoff === undefined) entries.delete(key);
  };

  const stop = async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    stopping = resolve;
    for (const entry of entries.values()) clearTimeout(entry.timer);
    if (running > 0) await promise;
  };

  return { add, stop };
}
