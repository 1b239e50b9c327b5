import { hostname } from "node:os";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { createSlots } from "../common/slots.ts";
import { createAskHead, remoteOf } from "../controllers/ask-head.ts";
import { createBatches } from "../controllers/batches.ts";
import { createCacheAccess } from "../controllers/cache-access.ts";
import { cacheController } from "../controllers/cache-controller.ts";
import { createEarlierMakers } from "../controllers/earlier-makers.ts";
import { emptyingController } from "../controllers/emptying.ts";
import { gateControllers } from "../controllers/gates.ts";
import { createGrantedSecrets } from "../controllers/granted-secrets.ts";
import { createHeads, createRemoteTurns } from "../controllers/heads.ts";
import { createHints } from "../controllers/hints.ts";
import { createMemoGate } from "../controllers/memo.ts";
import { forgetController } from "../controllers/memo-forget.ts";
import { createImageDigests } from "../controllers/memo-images.ts";
import { memoRecorders } from "../controllers/memo-record.ts";
import { createInputReader } from "../controllers/memo-sources.ts";
import { createMemos } from "../controllers/memos.ts";
import { createMovedTags } from "../controllers/moved-tags.ts";
import { outputIndexController } from "../controllers/output-index.ts";
import { createOutputIndexes, markIndexed } from "../controllers/output-indexes.ts";
import { provenanceController } from "../controllers/provenance.ts";
import { createPushes } from "../controllers/pushes.ts";
import { createRemotes } from "../controllers/remotes.ts";
import { rescueController } from "../controllers/rescue-controller.ts";
import { createRetention } from "../controllers/retention.ts";
import { createSigningKeys } from "../controllers/signing-keys.ts";
import { stepCacheController } from "../controllers/step-caches.ts";
import { keepJob, type StepJob } from "../controllers/step-jobs.ts";
import { readStepSecret } from "../controllers/step-logins.ts";
import { createPlaces } from "../controllers/step-places.ts";
import { keepStep, type StepPod } from "../controllers/step-pods.ts";
import { stepController } from "../controllers/steps.ts";
import { createTagMakers } from "../controllers/tag-makers.ts";
import { toldCaches } from "../controllers/told-caches.ts";
import { toldSteps } from "../controllers/told-steps.ts";
import { createWaiters } from "../controllers/waiters.ts";
import { waitingController } from "../controllers/waiting.ts";
import { createWorkflowSteps } from "../controllers/workflow-steps.ts";
import { recordedInjection } from "../injection/marker.ts";
import { originalOf } from "../injection/original.ts";
import { askEmpty } from "../keeper/empty.ts";
import { askExport } from "../keeper/export.ts";
import { askReport } from "../keeper/report.ts";
import { retentionKeeper } from "../keeper/retention.ts";
import { tellUsers } from "../keeper/users.ts";
import { startControllers } from "../kube/controller.ts";
import { sentenceOf } from "../kube/errors.ts";
import { createEventRecorder, type EventRecorder, printable } from "../kube/events.ts";
import type { ClusterFacts } from "../kube/facts.ts";
import { assertLeads, fencedClient, type Leads } from "../kube/fence.ts";
import type { KubeObject } from "../kube/objects.ts";
import { type Reflector, type ReflectorSettings, startReflector } from "../kube/reflector.ts";
import { resources } from "../kube/resources.ts";
import { createShare } from "../kube/share.ts";
import { enforcesPasswords } from "../registry/enforced.ts";
import { letsIn } from "../registry/login.ts";
import { claimStorage } from "../registry/owner.ts";
import { askRegistry } from "../registry/reachable.ts";
import type { Artifact } from "../workflow/step.ts";
import type { ImageLookup } from "./image-lookup.ts";
import { watchTrouble } from "./log.ts";
import { type Process, proxiesOf, untilEnded } from "./process.ts";

/** What the leader works with. */
export interface Leadership extends Process {
  readonly facts: ClusterFacts;
  readonly caches: Reflector<StoredOrasCache>;
  /** The same of a namespace. */
  readonly cachesIn: (namespace: string) => readonly StoredOrasCache[];
  /** What the passwords of caches are made from. */
  readonly operatorKey: string;
  /** How registries of others may be asked; undefined: not at all. */
  readonly images: Pick<ImageLookup, "reach" | "freshLookup" | "pullSecretsOf"> | undefined;
  readonly leads: Leads;
  /** When the leader before was last there. */
  readonly before: Date | undefined;
  readonly signal: AbortSignal;
}

/** Where nobody else may lead, a request may take this long. */
const unledMs = 10_000;

/**
 * Runs the controllers until the signal ends the leadership; what is being worked on is finished first.
 *
 * @param leadership - see there
 */
export async function leadCaches(leadership: Leadership): Promise<void> {
  const { log, metrics, identity, facts, caches, options, leads, signal } = leadership;
  const client = fencedClient(leadership.client, leads);
  log.info({ identity }, "became leader");
  metrics.setLeading(true);
  metrics.tellOfCaches(toldCaches(() => caches.store.values(), client.now));
  const watching = new AbortController();
  const mirrors: Promise<void>[] = [];
  const mirror = <T extends KubeObject>(
    settings: Pick<ReflectorSettings<T>, "resource" | "labelSelector" | "fieldSelector" | "keep">,
  ): Reflector<T> => {
    const reflector = startReflector<T>({
      ...settings,
      client,
      onTrouble: watchTrouble(log, settings.resource),
      signal: watching.signal,
    });
    mirrors.push(reflector.stopped);
    return reflector;
  };
  const send = createEventRecorder(client, identity, (error) =>
    log.warn({ error: sentenceOf(error) }, "Failed to create event"),
  );
  const publish: EventRecorder = (about, note) => void send(about, note);
  const share = createShare();
  const pods = mirror<StepPod>({
    resource: resources.pods,
    labelSelector: `${names.injectedLabel}=true`,
    keep: (pod) => keepStep(pod, pod.spec && recordedInjection(pod.spec), share),
  });
  const jobs = mirror<StepJob>({
    resource: resources.jobs,
    labelSelector: `${names.injectedLabel} in (true,${names.injectedPods})`,
    keep: (job) => {
      const spec = job.spec?.template.spec;
      return keepJob(job, spec && recordedInjection(spec), share);
    },
  });
  const { countOutcome, countPull, observeQueue } = metrics;
  const { images, operatorKey } = leadership;
  const reach = images?.reach;
  const askRemote =
    reach &&
    createRemotes(async (url) => {
      const asked = await askRegistry(url, reach, watching.signal);
      if (asked.detail) log.info({ url, error: printable(asked.detail) }, "registry check failed");
      return asked;
    });
  const large = createSlots(
    { most: 1, mostWaiting: 1_000, parts: 1 },
    () => new Error("too many registries with many artifacts wait for their plan"),
  );
  const retention = createRetention({
    ...{ client, log, caches, publish, operatorKey, leads, signal },
    clusterDomain: options.clusterDomain,
    keeperOf: (peer, token, namespace) =>
      retentionKeeper(peer, token, signal, (work) => large(namespace, work, signal)),
    count: metrics.countRetention,
    forget: metrics.forgetRetention,
  });
  const { observeWait, countHead } = metrics;
  const pushes = createPushes();
  const ledBefore = leadership.before?.getTime() ?? (options.workflow ? undefined : client.now());
  const indexes = createOutputIndexes(ledBefore, options.workflow);
  const places = createPlaces(leadership.cachesIn, options.clusterDomain);
  const steps = createWorkflowSteps(jobs, pods, pushes, indexes, places);
  metrics.tellOfWaiting(toldSteps(jobs, pods, steps));
  const access = createCacheAccess(client, { operatorKey, clusterDomain: options.clusterDomain }, signal);
  const asking = createAskHead({
    ...{ caches, access, signal, countHead },
    remote: reach && {
      reach,
      proxies: { HTTPS_PROXY: options.httpsProxy, NO_PROXY: options.noProxy },
      secrets: createGrantedSecrets(client, readStepSecret),
      clusterDomain: options.clusterDomain,
    },
  });
  const urlOf = (namespace: string, artifact: Artifact) => remoteOf(caches, namespace, artifact)?.url;
  const turns = createRemoteTurns();
  const heads = createHeads(asking, urlOf, undefined, turns);
  const batches = createBatches({ client, jobs, pods, steps });
  // They are mirrored for longer than this leadership.
  const whileLeading: Pick<typeof caches, "subscribe"> = {
    subscribe: (hear) => {
      const end = caches.subscribe(hear);
      watching.signal.addEventListener("abort", end, { once: true });
      return end;
    },
  };
  const waiters = createWaiters({ client, jobs, pods, steps, heads, caches: whileLeading });
  const moved = createMovedTags({ jobs, pods, steps, heads, send, signal });
  const follow = createHints({ client, caches, operatorKey, heads, waiters, moved, pushes, signal });
  if (options.workflow) moved.onRead(follow);
  const memoized = {
    ...{ client, log, caches, jobs, pods, steps, originalOf, minor: facts.minor },
    memos: createMemos({ client, caches, operatorKey, signal, publish, accessTo: access.to }),
    filesOf: createInputReader({
      ...{ caches, signal, accessTo: access.to },
      remote: { urlOf, turns, manifest: asking.manifest },
    }),
    digestsOf: createImageDigests(images?.freshLookup, images?.pullSecretsOf),
    leftMs: leads.leftMs ?? (() => unledMs),
  };
  const memo = createMemoGate(memoized);
  const self = {
    ...{ apiVersion: "v1", kind: resources.pods.kind },
    metadata: { name: hostname(), namespace: options.namespace },
  };
  const controllers = [
    retention.controller,
    cacheController({
      ...{ client, log, caches, mirror, publish, askRemote, retention, steps: pods, jobs },
      askEnforced: (url, user) => enforcesPasswords(url, user, watching.signal),
      claimStorage: (registry, own) => claimStorage({ ...registry, signal: watching.signal }, own),
      tellUsers: (peer, token, users) => tellUsers(peer, token, users, watching.signal),
      letsIn: (peer, authorization) => letsIn(peer, authorization, watching.signal),
      askReport: (peer, token, memo) => askReport(peer, token, memo, watching.signal),
      askExport: (peer, token, asked) => askExport(peer, token, asked, watching.signal),
      self,
      observeUsage: metrics.observeUsage,
      installation: {
        openshift: facts.openshift,
        registryImage: options.registryImage,
        agentImage: options.agentImage,
        auth: options.registryAuth,
        network: options.registryNetworkPolicy,
        operatorKey,
        operatorNamespace: options.namespace,
        clusterDomain: options.clusterDomain,
        proxies: proxiesOf(options),
      },
    }),
    stepController({
      ...{ client, log, countOutcome, countPull, countedUntil: leadership.before, publish, pods, caches },
      makers: createTagMakers(pods, createEarlierMakers({ client, log, caches, access, signal })),
    }),
    stepCacheController({ client, caches, pods, publish }),
    provenanceController({
      ...{ client, log, publish, pods, caches, leads, signal, access, before: leadership.before },
      keys: createSigningKeys(client),
      mayWrite: () => assertLeads(leads),
    }),
    outputIndexController({
      ...{ client, log, publish, jobs, pods, caches, steps, access, heads, waiters, indexes, signal },
      mayWrite: () => assertLeads(leads),
      // It may not write on Jobs otherwise.
      mark: (job, told) => (options.workflow ? markIndexed(client, job, told) : Promise.resolve()),
    }),
    rescueController({ client, log, countOutcome, publish, pods }),
    waitingController({ publish, pods }),
    ...(options.workflow
      ? [
          ...gateControllers({
            ...{
              client,
              log,
              publish,
              jobs,
              pods,
              steps,
              batches,
              heads,
              waiters,
              follow,
              observeWait,
              memo,
            },
          }),
          ...memoRecorders({ ...memoized, publish, modeOf: memo.modeOf }),
        ]
      : []),
    forgetController({ ...{ client, log, publish, caches, jobs, pods, steps }, memos: memoized.memos }),
    emptyingController({
      ...{ client, log, caches, publish, operatorKey, self, signal },
      askEmpty: (peer, token) => askEmpty(peer, token, signal),
    }),
  ];
  const stop = startControllers(controllers, { log, observeQueue });
  await untilEnded(signal);
  watching.abort(new Error("the leadership ended"));
  await Promise.all([stop(), ...mirrors]);
  metrics.setLeading(false);
  metrics.forgetCaches();
  metrics.forgetWaiting();
  log.info({ identity }, "stopped leading");
}
