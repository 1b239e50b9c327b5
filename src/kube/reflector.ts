import { setTimeout as delay } from "node:timers/promises";
import { type Backoff, createBackoff } from "../common/backoff.ts";
import type { KubeClient } from "./client.ts";
import { isStatus, KubeError, type StatusBody } from "./errors.ts";
import { linesOf, SilenceError } from "./lines.ts";
import { type KubeObject, keyOf } from "./objects.ts";
import { apiVersionOf, pathOf, type Resource } from "./resources.ts";
import { createStore, type Store } from "./store.ts";

/** What to mirror and how patiently. */
export interface ReflectorSettings<T extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** What of an object is kept; without it, all but who set which field. Metadata must be. */
  readonly keep?: (object: T) => T;
  /** Told of every object that changed, appeared or went, after the store has it. It must not throw. */
  readonly onChange?: Listener<T>;
  /** Told why the mirror is behind, once per failed attempt. */
  readonly onTrouble: (error: unknown, retryInMs: number) => void;
  readonly signal: AbortSignal;
  /** Longest silence of a watch. API servers send bookmarks once a minute. */
  readonly silenceMs?: number;
  /** Everything is listed again after this time, for what no protocol promises. */
  readonly relistMs?: number;
  readonly backoff?: Backoff;
}

/** Told of an object that changed, appeared (no `before`) or went (no `now`). */
export type Listener<T> = (key: string, now: T | undefined, before: T | undefined) => void;

/** A mirror of some objects of the cluster. */
export interface Reflector<T extends KubeObject> {
  readonly store: Store<T>;
  /** Adds a listener; what is returned takes it away. */
  readonly subscribe: (listener: Listener<T>) => () => void;
  /** Settles when the first list has arrived, and rejects when the signal ends it before. */
  readonly synced: Promise<void>;
  /** Settles when it has stopped. */
  readonly stopped: Promise<void>;
}

interface List<T> {
  metadata: { resourceVersion: string; continue?: string };
  items: T[];
}

interface WatchEvent<T> {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: T & StatusBody & { code?: number };
}

const pageSize = 500;
const shortestWatchMs = 1_000;
/** A watch is answered at once, long before its first event. */
const connectMs = 15_000;
/** The API server ends a watch after this time, at a random moment, so that replicas do not list at the same time. */
const watchSeconds = { least: 300, most: 600 };

/**
 * Mirrors objects: lists them, then watches them from there, for as long as the signal allows. Whatever happens
 * to the API server or the connection, it comes back: by another watch where that loses nothing, by another list
 * where it might.
 *
 * @param settings - what, and the handlers
 */
export function startReflector<T extends KubeObject>(settings: ReflectorSettings<T>): Reflector<T> {
  const listeners = new Set<Listener<T>>(settings.onChange ? [settings.onChange] : []);
  const store = createStore<T>((...change) => {
    for (const listener of listeners) listener(...change);
  });
  const subscribe = (listener: Listener<T>) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const first = Promise.withResolvers<void>();
  first.promise.catch(() => {});
  const stopped = run(settings, store, first.resolve).then(() => first.reject(settings.signal.reason));
  return { store, subscribe, synced: first.promise, stopped };
}

async function run<T extends KubeObject>(
  settings: ReflectorSettings<T>,
  store: Store<T>,
  onSynced: () => void,
): Promise<void> {
  const { signal, relistMs = 30 * 60_000 } = settings;
  const backoff = settings.backoff ?? createBackoff(250, 30_000);
  let version: string | undefined;
  let listedAt = 0;
  const once = async () => {
    if (version === undefined || performance.now() - listedAt > relistMs) {
      version = await list(settings, store);
      listedAt = performance.now();
      onSynced();
    }
    for await (const seen of watch(settings, store, version)) {
      version = seen;
      backoff.reset();
    }
  };
  while (!signal.aborted) {
    const begun = performance.now();
    const trouble = await once().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (signal.aborted) return;
    // The API server ends a watch after minutes; one that it ends at once needs patience too.
    if (trouble === undefined && performance.now() - begun > shortestWatchMs) continue;
    // A silent watch lost nothing: the next one goes on from the last version. Anything else may have been a
    // server that comes back with another past (restored from a backup), which only a list shows.
    if (trouble !== undefined && !(trouble instanceof SilenceError)) version = undefined;
    // 410: what the API server remembers begins after that version. It expects to be asked for a list now.
    const waitMs = isStatus(trouble, 410) ? 0 : backoff.next();
    if (trouble !== undefined) settings.onTrouble(trouble, waitMs);
    await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}

/** Who set which field takes as much memory as the rest of an object. */
function withoutManagers<T extends KubeObject>(object: T): T {
  if (object.metadata?.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

async function list<T extends KubeObject>(settings: ReflectorSettings<T>, store: Store<T>): Promise<string> {
  const {
    client,
    resource,
    signal,
    namespace,
    labelSelector,
    fieldSelector,
    keep = withoutManagers,
  } = settings;
  const found: T[] = [];
  let page: List<T> | undefined;
  do {
    page = await client.request<List<T>>({
      path: pathOf(resource, { namespace }),
      query: { labelSelector, fieldSelector, limit: pageSize, continue: page?.metadata.continue },
      signal,
    });
    found.push(...page.items.map(keep));
  } while (page.metadata.continue);
  // Items of a list do not say what they are.
  const type = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  store.replaceAll(found.map((item) => ({ ...type, ...item })));
  return page.metadata.resourceVersion;
}

async function* watch<T extends KubeObject>(
  settings: ReflectorSettings<T>,
  store: Store<T>,
  from: string,
): AsyncGenerator<string> {
  const { client, resource, signal, namespace, labelSelector, fieldSelector, silenceMs = 90_000 } = settings;
  const { keep = withoutManagers } = settings;
  const { least, most } = watchSeconds;
  const giveUp = new AbortController();
  const patienceMs = Math.min(silenceMs, connectMs);
  const connecting = setTimeout(() => giveUp.abort(new SilenceError(patienceMs)), patienceMs);
  const response = await client
    .stream({
      path: pathOf(resource, { namespace }),
      query: {
        labelSelector,
        fieldSelector,
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: from,
        timeoutSeconds: Math.round(least + Math.random() * (most - least)),
      },
      signal: AbortSignal.any([signal, giveUp.signal]),
    })
    .finally(() => clearTimeout(connecting));
  try {
    for await (const line of linesOf(response, silenceMs)) {
      const { type, object } = JSON.parse(line) as WatchEvent<T>;
      if (type === "ERROR") throw new KubeError(`watch of ${resource.plural}`, object.code ?? 0, object);
      if (type === "DELETED") store.remove(keyOf(object));
      else if (type !== "BOOKMARK") store.put(keep(object));
      const version = object.metadata?.resourceVersion;
      if (version !== undefined) yield version;
    }
  } catch (error) {
    // The API server sends no bookmark before it has seen an event of the kind, so this may be a healthy watch. The next
    // one goes on from the last version, and reports if the API server does not answer.
    // https://kubernetes.io/docs/reference/using-api/api-concepts/#watch-bookmarks
    if (!(error instanceof SilenceError)) throw error;
  }
}
