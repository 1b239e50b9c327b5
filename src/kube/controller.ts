import type { Logger } from "pino";
import { sentenceOf } from "./errors.ts";
import type { KubeObject } from "./objects.ts";
import { createQueue, type QueueObserver } from "./queue.ts";
import type { Reflector } from "./reflector.ts";

/** Which keys a controller looks at when an object changes. */
export interface Watch {
  /** Settles when the objects are known. */
  readonly synced: Promise<void>;
  /** Tells which keys to look at: those of every object that is known, then those of each that changes. */
  readonly start: (add: (key: string) => void) => () => void;
}

/** What brings the cluster in line, key by key. */
export interface Controller {
  /** For logs and metrics. */
  readonly name: string;
  readonly watches: readonly Watch[];
  /**
   * Looks at what is there for one key, never at what happened, and does what is missing.
   *
   * @returns after how many milliseconds to look again, if at all
   * @throws what it could not do; RetryError to be asked again after a time of its choice
   */
  readonly reconcile: (key: string) => Promise<number | undefined>;
  /** Keys that are worked on at a time; 8 if absent: each waits for the API server most of the time. */
  readonly workers?: number;
  /**
   * Into how many parts the workers are divided, of which the keys of one namespace get one; 2 if absent. Some work waits for
   * what users run, and that may answer late or never.
   */
  readonly parts?: number;
}

/** What running controllers needs. */
export interface ControllerSettings {
  readonly log: Logger;
  /** Metrics of the queue of a controller of that name. */
  readonly observeQueue: (name: string, workers: number) => QueueObserver;
}

/**
 * A watch by a mirror of objects.
 *
 * @param reflector - the mirror
 * @param keys - of an object that changed, appeared or went: the keys to look at
 */
export function watchOf<T extends KubeObject>(
  reflector: Pick<Reflector<T>, "store" | "subscribe" | "synced">,
  keys: (now: T | undefined, before: T | undefined) => readonly string[],
): Watch {
  return {
    synced: reflector.synced,
    start: (add) => {
      for (const object of reflector.store.values()) keys(object, undefined).forEach(add);
      return reflector.subscribe((_key, now, before) => keys(now, before).forEach(add));
    },
  };
}

/**
 * A watch for what happens outside of the cluster's objects, such as an answer that has come.
 *
 * @returns the watch, and what tells it of a key; nobody hears that before the watch has started
 */
export function manualWatch(): { readonly watch: Watch; readonly tell: (key: string) => void } {
  let add: ((key: string) => void) | undefined;
  return {
    tell: (key) => add?.(key),
    watch: {
      synced: Promise.resolve(),
      start: (first) => {
        add = first;
        return () => {
          add = undefined;
        };
      },
    },
  };
}

/**
 * Starts controllers. Each begins when everything that it watches is known: what is there already would look as if it
 * was not.
 *
 * @param controllers - values, in any order
 * @param settings - what they need
 * @returns a function that takes no more work and settles when what is being worked on is done
 */
export function startControllers(
  controllers: readonly Controller[],
  settings: ControllerSettings,
): () => Promise<void> {
  const stops = controllers.map((controller) => startController(controller, settings));
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}

function startController(
  { name, watches, reconcile, workers = 8, parts = 2 }: Controller,
  { log, observeQueue }: ControllerSettings,
): () => Promise<void> {
  const queue = createQueue({
    process: reconcile,
    onError: (key, error, retryInMs) =>
      log.error({ controller: name, object: key, error: sentenceOf(error), retryInMs }, "Reconciler error"),
    workers,
    parts,
    observer: observeQueue(name, workers),
  });
  let stopped = false;
  let ends: (() => void)[] = [];
  const start = async () => {
    // A watch that is ended before it has begun rejects: then there is nothing to start.
    const isKnown = await Promise.all(watches.map((watch) => watch.synced)).then(
      () => true,
      () => false,
    );
    if (stopped || !isKnown) return;
    log.info({ controller: name, workers }, "Starting Controller");
    ends = watches.map((watch) => watch.start(queue.add));
  };
  // Nobody waits for it: if it fails, the process ends, rather than running on without a controller.
  const started = start();
  return async () => {
    stopped = true;
    for (const end of ends) end();
    await Promise.all([queue.stop(), started]);
  };
}
