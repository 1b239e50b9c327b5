import { childSelector } from "../cache/owner.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { createReconciler } from "../controllers/caches.ts";
import { watchSteps } from "../controllers/steps.ts";
import { sentenceOf } from "../kube/errors.ts";
import { createEventRecorder } from "../kube/events.ts";
import type { ClusterFacts } from "../kube/facts.ts";
import type { KubeObject } from "../kube/objects.ts";
import { createQueue } from "../kube/queue.ts";
import { type Reflector, startReflector } from "../kube/reflector.ts";
import { type Resource, resources } from "../kube/resources.ts";
import type { Process } from "./process.ts";

/** What the leader works with. */
export interface Leadership extends Process {
  readonly facts: ClusterFacts;
  readonly caches: Reflector<StoredOrasCache>;
  readonly signal: AbortSignal;
  /** Given the function that asks for a cache to be reconciled, and undefined when the leadership ends. */
  readonly onKey: (add: ((key: string) => void) | undefined) => void;
}

/** Each waits for the API server most of the time. */
const workers = 8;

/**
 * Reconciles caches until the signal ends the leadership; what is being worked on is finished first.
 *
 * @param leadership - see there
 */
export async function leadCaches(leadership: Leadership): Promise<void> {
  const { client, log, metrics, identity, facts, caches, options, signal } = leadership;
  log.info({ identity }, "leading");
  metrics.setLeading(true);
  const watching = new AbortController();
  const watch = (resource: Resource) =>
    startReflector<KubeObject>({
      client,
      resource,
      labelSelector: childSelector,
      // Children bear the name of their cache.
      onChange: (key) => queue.add(key),
      onTrouble: (error, retryInMs) =>
        log.warn({ error: sentenceOf(error), retryInMs }, `the watch of ${resource.plural} is behind`),
      signal: watching.signal,
    });
  const queue = createQueue({
    process: (key) => reconcile(key),
    onError: (key, error, retryInMs) =>
      log.error({ cache: key, error: sentenceOf(error), retryInMs }, "a reconciliation failed"),
    workers,
    observer: metrics.observeQueue(workers),
  });
  const services = watch(resources.services);
  const statefulSets = watch(resources.statefulSets);
  const publish = createEventRecorder(client, identity, (error) =>
    log.warn({ error: sentenceOf(error) }, "an event could not be written"),
  );
  const reconcileOne = createReconciler({
    client,
    caches: (key) => caches.store.get(key),
    services: services.store.get,
    statefulSets: statefulSets.store.get,
    record: (about, note) => {
      log.info(
        { cache: `${about.metadata?.namespace}/${about.metadata?.name}`, reason: note.reason },
        note.note,
      );
      publish(about, note);
    },
    cluster: facts,
    clusterDomain: options.clusterDomain,
  });
  const steps = watchSteps({ ...leadership, publish, signal: watching.signal });
  // Children that are there already would look as if they were not.
  const synced = Promise.all([services.synced, statefulSets.synced]);
  const reconcile = async (key: string) => {
    await synced;
    return reconcileOne(key);
  };

  const ended = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => ended.resolve(), { once: true });
  if (signal.aborted) ended.resolve();
  await Promise.race([synced, ended.promise]);
  for (const cache of caches.store.values()) {
    queue.add(`${cache.metadata?.namespace}/${cache.metadata?.name}`);
  }
  leadership.onKey(queue.add);
  await ended.promise;

  leadership.onKey(undefined);
  watching.abort(new Error("the leadership ended"));
  await Promise.all([queue.stop(), services.stopped, statefulSets.stopped, steps.stopped]);
  metrics.setLeading(false);
  log.info("no longer leading");
}
