import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { V1LimitRange } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { ManagerOptions } from "../../schema/options.ts";
import { loginOfStep, loginSecretName } from "../cache/access.ts";
import { loginOf } from "../cache/logins.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import type { ServingPair } from "../certificates/source.ts";
import { createBackoff } from "../common/backoff.ts";
import type { Installation } from "../injection/admission-types.ts";
import { createClient } from "../kube/client.ts";
import { connect } from "../kube/connection.ts";
import { sentenceOf } from "../kube/errors.ts";
import { type ClusterFacts, detectCluster } from "../kube/facts.ts";
import { indexBy } from "../kube/index-by.ts";
import { type ElectionSettings, electLeader } from "../kube/lease.ts";
import type { KubeObject } from "../kube/objects.ts";
import { startReflector } from "../kube/reflector.ts";
import { type Resource, resources } from "../kube/resources.ts";
import { type AdmissionServer, serveAdmission } from "../webhook/server.ts";
import { keepCacheKey } from "./cache-key.ts";
import { startCertificates } from "./certificates.ts";
import { findClusterDomain } from "./cluster-domain.ts";
import { allServed, servedAt, serveHealth, serveMetrics } from "./endpoints.ts";
import { type ImageLookup, startImageLookup } from "./image-lookup.ts";
import { leadCaches } from "./lead.ts";
import { createLog, watchTrouble } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { watchHookShape } from "./pod-shape.ts";
import { type Process, proxiesOf } from "./process.ts";

type LimitRange = V1LimitRange & KubeObject;

/** For how long a replica that stops still takes reviews: Services take a moment to forget it. */
const drainMs = 3_000;
const longestStopMs = 10_000;

/**
 * Runs the operator until the signal ends it: every replica answers reviews, the leader reconciles caches.
 *
 * @param given - options of the process
 * @param signal - asks it to stop, gracefully
 * @returns when everything is finished and closed
 */
export async function runManager(given: ManagerOptions, signal: AbortSignal): Promise<void> {
  const clusterDomain = given.clusterDomain || (await findClusterDomain()) || names.clusterDomain;
  const options: ManagerOptions = { ...given, clusterDomain };
  const connection = await connect();
  const log = createLog(options.logLevel);
  const metrics = createMetrics();
  const webhooks = `the MutatingWebhookConfiguration ${names.webhookConfiguration}`;
  // Without it the API server trusts no replica, and refuses each annotated Pod and Job.
  const bundle = `its CA in ${webhooks}`;
  const configured = options.certificateDirectory ? [webhooks] : [webhooks, bundle];
  const waitsFor = new Set([
    ...["the API server", `the Secret ${names.cacheKeySecret}`, "a certificate"],
    ...configured,
  ]);
  const endpoints = await allServed([
    servedAt(
      "healthPort",
      options.healthPort,
      serveHealth(options.healthPort, () => (signal.aborted ? ["nothing, it stops"] : [...waitsFor])),
    ),
    servedAt("metricsPort", options.metricsPort, serveMetrics(options.metricsPort, metrics.registry)),
  ]);
  // What answers reviews outlives the signal until they are drained.
  const serving = new AbortController();
  const client = createClient(connection, metrics.observeRequest);
  const identity = `${hostname()}_${randomUUID()}`;
  const self: Process = { options, log, metrics, client, identity };

  const watch = <T extends KubeObject>(resource: Resource) =>
    startReflector<T>({
      client,
      resource,
      onTrouble: watchTrouble(log, resource),
      signal: serving.signal,
    });
  const caches = watch<StoredOrasCache>(resources.orasCaches);
  const cachesIn = indexBy(caches, ({ metadata }) => metadata?.namespace);
  const limitRanges = watch<LimitRange>(resources.limitRanges);
  const cacheKey = keepCacheKey(self, serving.signal);
  const hooks = options.podShape === "auto" ? watchHookShape(self, serving.signal) : undefined;
  let images: ImageLookup | undefined;
  let server: AdmissionServer | undefined;
  let renewed: ServingPair | undefined;
  const certificates = startCertificates(self, serving.signal, {
    onPair: (pair) => {
      renewed = pair;
      server?.usePair(pair);
    },
    onConfigured: (isWhole) => {
      if (isWhole) waitsFor.delete(webhooks);
      else for (const one of configured) waitsFor.add(one);
    },
    onTrusted: () => waitsFor.delete(bundle),
  });

  const start = async () => {
    const [facts] = await untilAborted(
      signal,
      Promise.all([detect(self, signal), caches.synced, limitRanges.synced]),
    );
    waitsFor.delete("the API server");
    const operatorKey = await untilAborted(signal, cacheKey.first);
    waitsFor.delete(`the Secret ${names.cacheKeySecret}`);
    if (options.imageLookup) images = startImageLookup(self, facts, serving.signal);
    const pair = await untilAborted(signal, certificates.first);
    const admission = serveAdmission({
      installation: installationOf(options, facts),
      sources: {
        cache: (namespace, name) => caches.store.get(`${namespace}/${name}`),
        cachesIn,
        loginOf: (namespace, name, cache) =>
          loginOfStep(cache, options.registryAuth, (user) =>
            loginSecretName({ name, namespace }, { operatorKey, clusterDomain }, { user }),
          ),
        nodeLoginOf: (cache, namespace, name) =>
          loginOfStep(cache, options.registryAuth, () =>
            loginSecretName({ name, namespace }, { operatorKey, clusterDomain }, loginOf(cache)),
          ),
        limitRanges: (namespace) =>
          [...limitRanges.store.values()].filter(({ metadata }) => metadata?.namespace === namespace),
        ...(hooks && { hookShape: hooks.isPossible }),
        ...images,
      },
      pair,
      port: options.webhookPort,
      log,
      metrics,
    });
    server = await servedAt("webhookPort", options.webhookPort, admission);
    if (renewed) server.usePair(renewed); // it changed before there was a server
    waitsFor.delete("a certificate");
    await campaign(self, signal, (term, leads, before) =>
      leadCaches({ ...self, facts, caches, cachesIn, operatorKey, images, leads, before, signal: term }),
    );
  };

  const running = start().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  try {
    await untilAborted(signal, running).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    log.info("stopping");
    // A leader that cannot give its Lease up, because the API server does not answer, must not delay the end.
    const patience = delay(longestStopMs, undefined, { ref: false });
    await Promise.all([server?.drain(drainMs), Promise.race([running, patience])]);
  } finally {
    serving.abort(new Error("the process stops"));
    await Promise.all([
      caches.stopped,
      limitRanges.stopped,
      cacheKey.stopped,
      images?.stopped,
      hooks?.stopped,
      certificates.stopped,
      ...endpoints.map((endpoint) => endpoint.close()),
    ]);
    client.close();
  }
  log.info("stopped");
}

/** Waits, but not for longer than the signal allows. */
async function untilAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Asks the cluster what it is, for as long as it does not answer. */
async function detect({ options, client, log }: Process, signal: AbortSignal): Promise<ClusterFacts> {
  const backoff = createBackoff(250, 10_000);
  for (;;) {
    try {
      const facts = await detectCluster(client);
      const { version, minor, openshift } = facts;
      // On by default from 1.35: KEP-5307.
      log.info(
        {
          version,
          openshift,
          clusterDomain: options.clusterDomain,
          containerRestartPolicy: minor >= 35,
          imageVolumes: minor >= names.imageVolumesMinor,
        },
        "found",
      );
      if (minor < names.minimumKubernetesMinor) {
        log.warn(`Kubernetes 1.${names.minimumKubernetesMinor} or newer is needed; this is ${version}`);
      }
      return facts;
    } catch (error) {
      signal.throwIfAborted();
      const retryInMs = backoff.next();
      log.warn({ error: sentenceOf(error), retryInMs }, "API server does not answer, retrying");
      await delay(retryInMs, undefined, { signal });
    }
  }
}

function installationOf(options: ManagerOptions, facts: ClusterFacts): Installation {
  return {
    clusterDomain: options.clusterDomain,
    agentImage: options.agentImage,
    scriptsImage: options.scriptsImage,
    shareSizeLimit: options.shareSizeLimit,
    proxies: proxiesOf(options),
    kubernetesMinor: facts.minor,
    workflow: options.workflow,
    openshift: facts.openshift,
  };
}

/** Leads when elected, or at once where there is no election. */
async function campaign(
  { options, client, identity, log }: Process,
  signal: AbortSignal,
  lead: ElectionSettings["lead"],
): Promise<void> {
  if (!options.leaderElect) return lead(signal, () => true, undefined);
  await electLeader({
    client,
    namespace: options.namespace,
    name: names.lease,
    identity,
    lead,
    onTrouble: (error) => log.warn({ error: sentenceOf(error) }, "leader election failed, retrying"),
    signal,
  });
}
