import { type Backoff, createBackoff } from "../common/backoff.ts";
import { createSlots } from "../common/slots.ts";

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
  /** Keys that are worked on at a time. */
  readonly workers: number;
  /** Into how many parts they are divided: the keys of one namespace get one, so that others never wait for them alone. */
  readonly parts: number;
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
 * error with a wait that doubles each time. Namespaces take turns.
 *
 * @param settings - see there
 */
export function createQueue(settings: QueueSettings): Queue {
  const { observer, workers, parts } = settings;
  const entries = new Map<string, Entry>();
  const slots = createSlots(
    { most: workers, mostWaiting: Number.POSITIVE_INFINITY, parts },
    () => new Error("a queue refuses nothing"),
  );
  let isStopping = false;
  let [waiting, running] = [0, 0];
  let onIdle: (() => void) | undefined;

  const add = (key: string) => {
    if (isStopping) return;
    const entry = entries.get(key) ?? { state: "idle", since: 0 };
    entries.set(key, entry);
    clearTimeout(entry.timer);
    entry.timer = undefined;
    if (entry.state === "running") entry.state = "running-again";
    if (entry.state !== "idle") return;
    entry.state = "waiting";
    entry.since = performance.now();
    waiting++;
    observer?.added();
    observer?.depth(waiting);
    // Without a signal: Node compares each listener of one with all that it has, and tens of thousands of keys may wait.
    void slots(namespaceOf(key), () => work(key, entry));
  };

  const work = async (key: string, entry: Entry) => {
    if (isStopping) return;
    entry.state = "running";
    waiting--;
    running++;
    const begun = performance.now();
    observer?.depth(waiting);
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
    if (running === 0) onIdle?.();
  };

  const nextWait = (entry: Entry): number => {
    entry.backoff ??= (settings.createBackoff ?? (() => createBackoff(100, 300_000)))();
    return entry.backoff.next();
  };

  const settle = (key: string, entry: Entry, againInMs: number | undefined) => {
    const again = entry.state === "running-again";
    entry.state = "idle";
    if (again) add(key);
    else if (againInMs !== undefined && !isStopping)
      entry.timer = setTimeout(() => add(key), Math.min(againInMs, longestTimerMs));
    else if (entry.backoff === undefined) entries.delete(key);
  };

  const stop = async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    onIdle = resolve;
    isStopping = true;
    for (const entry of entries.values()) clearTimeout(entry.timer);
    if (running > 0) await promise;
  };

  return { add, stop };
}

function namespaceOf(key: string): string {
  return key.split("/", 1)[0] ?? "";
}
