import type { V1Pod } from "@kubernetes/client-node";
import type { Logger } from "pino";
import { names } from "../../schema/names.ts";
import type { CacheInstallation } from "../cache/facts.ts";
import { childSelector } from "../cache/labels.ts";
import { neighboursOf } from "../cache/prefixes.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import type { KubeClient } from "../kube/client.ts";
import { type Controller, watchOf } from "../kube/controller.ts";
import type { EventRecorder } from "../kube/events.ts";
import { indexBy } from "../kube/index-by.ts";
import { type KubeObject, keyOf } from "../kube/objects.ts";
import { foreignEntries } from "../kube/ownership.ts";
import type { Reflector, ReflectorSettings } from "../kube/reflector.ts";
import { resources } from "../kube/resources.ts";
import { createReconciler } from "./caches.ts";
import { childKinds } from "./child-kinds.ts";
import type { AskEnforced } from "./enforcement.ts";
import type { AskExport } from "./farewell.ts";
import type { ClaimStorage } from "./ownership.ts";
import type { Asked } from "./remotes.ts";
import { type AskReport, createReports, type ObserveUsage } from "./reports.ts";
import type { Retention } from "./retention.ts";
import type { UsersSettings } from "./rotation.ts";
import { createStepArrivals } from "./step-arrivals.ts";
import type { StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import {
  createWhyNoPod,
  failedCreations,
  keepEvent,
  regardingKey,
  type StatefulSetEvent,
} from "./why-no-pod.ts";

/** Starts a mirror of objects. */
export type StartMirror = <T extends KubeObject>(
  settings: Pick<ReflectorSettings<T>, "resource" | "labelSelector" | "fieldSelector" | "keep">,
) => Reflector<T>;

/** What the controller of caches needs. */
interface CacheControllerSettings extends Pick<UsersSettings, "tellUsers" | "letsIn"> {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly caches: Reflector<StoredOrasCache>;
  readonly mirror: StartMirror;
  /** A mirror of the injected Pods. */
  readonly steps: Pick<Reflector<StepPod>, "store" | "subscribe" | "synced">;
  /** A mirror of the injected Jobs. */
  readonly jobs: Pick<Reflector<StepJob>, "store" | "subscribe" | "synced">;
  readonly publish: EventRecorder;
  /** Asks a keeper to copy everything to another registry. */
  readonly askExport: AskExport;
  /** The operator's own Pod. */
  readonly self: KubeObject;
  /** Asks whether a remote registry answers; undefined where none may be asked. */
  readonly askRemote: ((registry: string) => Promise<Asked>) | undefined;
  /** Asks a registry of the operator's whether it refuses who has no password. */
  readonly askEnforced: AskEnforced;
  /** Asks a registry of the operator's whose the folder of its bucket is, and claims what is nobody's. */
  readonly claimStorage: ClaimStorage;
  /** Asks the keeper of a registry how that is. */
  readonly askReport: AskReport;
  readonly observeUsage: ObserveUsage;
  /** How the last passes of retention ended. */
  readonly retention: Pick<Retention, "outcomeOf" | "watch">;
  readonly installation: CacheInstallation;
}

type RegistryPod = V1Pod & KubeObject;

/**
 * The controller that keeps children and status of each cache in line with its spec.
 *
 * @param settings - see there
 */
export function cacheController(settings: CacheControllerSettings): Controller {
  const { client, log, caches, mirror, publish } = settings;
  const children = Object.values(childKinds)
    .filter(({ access }) => access !== "create")
    .map(({ resource }) => ({
      resource,
      reflector: mirror({ resource, labelSelector: childSelector, keep: keepChild }),
    }));
  const childrenOf = children.map(({ reflector }) => indexBy(reflector, cacheKeyOf));
  const pods = mirror<RegistryPod>({ resource: resources.pods, labelSelector: childSelector, keep: keepPod });
  const events = mirror<StatefulSetEvent>({
    resource: resources.events,
    fieldSelector: failedCreations,
    keep: keepEvent,
  });
  const reports = createReports(
    settings.installation.operatorKey,
    settings.askReport,
    settings.observeUsage,
    client.now,
  );
  const arrivals = createStepArrivals(settings.steps);
  const { reconcile, isOwnWrite } = createReconciler({
    ...settings,
    reports,
    arrivals,
    now: client.now,
    loginsInUse: (namespace) => loginsOf(namespace, [settings.steps.store, settings.jobs.store]),
    retentionOf: settings.retention.outcomeOf,
    caches: caches.store,
    children: Object.fromEntries(children.map(({ resource, reflector }) => [resource.kind, reflector.store])),
    childrenOf: (key) => childrenOf.flatMap((of) => of(key)),
    podsOf: indexBy(pods, cacheKeyOf),
    whyNoPod: createWhyNoPod(client, events),
    record: (about, note) => {
      log.info({ cache: keyOf(about), reason: note.reason }, note.note);
      publish(about, note);
    },
  });
  const ofCache = (now?: KubeObject, before?: KubeObject) => [
    ...new Set([now, before].flatMap((object) => (object && cacheKeyOf(object)) ?? [])),
  ];
  return {
    name: names.singular,
    watches: [
      // Its own write of a status is no reason to look again: a refusal whose words change would be asked for at once.
      watchOf(caches, (now, before) => [
        ...(now && before && isOwnWrite(now, before) ? [] : keysOf(now ?? before)),
        ...neighboursOf(now, before, caches.store.values()),
      ]),
      ...children.map(({ reflector }) => watchOf(reflector, ofCache)),
      watchOf(pods, ofCache),
      arrivals.watch,
      // They count for logins alone, and whether one has ended is looked at when a login would end.
      watchOf(settings.jobs, () => []),
      reports.watch,
      settings.retention.watch,
      watchOf(events, (now) => (now ? [regardingKey(now)] : [])),
    ],
    reconcile,
  };
}

interface StepStore {
  readonly values: () => Iterable<KubeObject & Pick<StepPod, "logins">>;
}

/** The Secrets with logins that steps of a namespace have. */
function loginsOf(namespace: string, stores: readonly StepStore[]): ReadonlySet<string> {
  const steps = stores.flatMap((store) => [...store.values()]);
  return new Set(
    steps.flatMap(({ metadata, logins = [] }) => (metadata?.namespace === namespace ? logins : [])),
  );
}

function keysOf(object: KubeObject | undefined): string[] {
  return object ? [keyOf(object)] : [];
}

/** The key of the cache whose label an object has. */
function cacheKeyOf({ metadata }: KubeObject): string | undefined {
  const cache = metadata?.labels?.[names.cacheLabel];
  return cache && `${metadata?.namespace}/${cache}`;
}

/** A child with what others set in it. */
function keepChild(child: KubeObject): KubeObject {
  const { managedFields = [], ...metadata } = child.metadata ?? {};
  return { ...child, metadata: { ...metadata, managedFields: foreignEntries(managedFields) } };
}

/** A registry's Pod without who wrote which field of it. */
function keepPod({ apiVersion, kind, metadata = {}, spec, status }: RegistryPod): RegistryPod {
  const { name, namespace, uid, resourceVersion, labels, annotations, ownerReferences } = metadata;
  const { deletionTimestamp, finalizers } = metadata;
  return {
    ...(apiVersion ? { apiVersion } : {}),
    ...(kind ? { kind } : {}),
    metadata: {
      ...{ name, namespace, uid, resourceVersion, labels, annotations, ownerReferences },
      ...{ deletionTimestamp, finalizers },
    } as NonNullable<RegistryPod["metadata"]>,
    ...(spec ? { spec } : {}),
    ...(status ? { status } : {}),
  };
}
