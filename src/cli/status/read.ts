import type { V1Job, V1PersistentVolumeClaim, V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import { visible } from "../../annotations/problems.ts";
import { annotations } from "../../annotations/table.ts";
import { selectorLabels } from "../../cache/labels.ts";
import { conditionOf } from "../../cache/status.ts";
import { hasKeeper } from "../../cache/storage.ts";
import { hasKeeperIn } from "../../cache/told-users.ts";
import type { OrasCache, StoredOrasCache } from "../../cache/types.ts";
import type { Room } from "../../cache/usage.ts";
import { isStatus } from "../../kube/errors.ts";
import { get, type KubeObject } from "../../kube/objects.ts";
import { pathOf, type Resource, resources } from "../../kube/resources.ts";
import { exits } from "../exits.ts";
import { readObjects } from "../graph/read.ts";
import type { Objects } from "../graph/steps.ts";
import { CliError, reasonOf } from "../output.ts";
import { roomOf } from "../remote/ask-keeper.ts";
import { findCache, nameOf } from "../remote/find-cache.ts";
import { withRight } from "../remote/rights.ts";
import type { Session } from "../remote/session.ts";
import { isAdded } from "./added.ts";
import { beforeOf } from "./before.ts";
import { type KubeEvent, shownEvent, sorted, toldOfGone } from "./events.ts";
import type { Before, Facts, ShownEvent, Subject } from "./facts.ts";
import { waitsForInputs } from "./inputs.ts";
import { operatorSilence } from "./lease.ts";

/** Pods of a Job that are looked at closely: a Job may have thousands. */
const mostPods = 3;
/** The Job controller labels each Pod that it makes with the uid of its Job. */
const controllerLabel = "batch.kubernetes.io/controller-uid";
const mostEvents = 200;
const longestLogMs = 4_000;

/** What may be read, and what of it could not. */
interface Reader {
  readonly session: Session;
  readonly unread: Set<string>;
}

/**
 * Reads everything about a cache or a step, at once.
 *
 * @param session - of the person
 * @param subject - the cache or step
 * @param objects - of the namespace, where they were read already
 * @throws CliError where it is not there
 */
export async function readFacts(session: Session, subject: Subject, objects?: Objects): Promise<Facts> {
  const reader: Reader = { session, unread: new Set() };
  const [found, operatorSilent] = await Promise.all([
    subject.kind === "cache" ? aboutCache(reader, subject.name) : aboutStep(reader, subject, objects),
    operatorSilence(session),
  ]);
  return { ...found, operatorSilent, namespace: session.namespace, unread: [...reader.unread] };
}

type Found = Omit<Facts, "namespace" | "unread" | "operatorSilent">;

async function aboutCache(reader: Reader, wanted: string | undefined): Promise<Found> {
  const cache = await findCache(reader.session, wanted);
  const name = nameOf(cache);
  const claimName = cache.status?.storage?.claim;
  const labelSelector = Object.entries(selectorLabels(name))
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  const set = optional<V1StatefulSet>(reader, resources.statefulSets, name);
  const [statefulSet, claim, pods, own, ofSet, ofPod, keeper] = await Promise.all([
    set,
    claimName === undefined
      ? undefined
      : optional<V1PersistentVolumeClaim>(reader, resources.persistentVolumeClaims, claimName),
    list<V1Pod>(reader, resources.pods, { labelSelector }),
    eventsOf(reader, cache),
    set.then((found) => eventsOf(reader, found as KubeObject | undefined)),
    eventsOfPod(reader, `${name}-0`, cache),
    keeperSays(reader, cache),
  ]);
  return {
    cacheName: name,
    cache,
    statefulSet,
    claim,
    pods,
    said: new Map(),
    events: sorted([...own, ...ofSet, ...ofPod]),
    room: keeper.room,
    keeperFails: pods.some(({ spec }) => hasKeeperIn(spec)) ? keeper.fails : undefined,
  };
}

/** How much room the keeper has, or why it does not answer. Whether the registry does, its Pod's readiness says. */
async function keeperSays(
  { session, unread }: Reader,
  cache: OrasCache,
): Promise<{ readonly room?: Room; readonly fails?: string }> {
  const isAsked =
    hasKeeper(cache as StoredOrasCache) && conditionOf(cache.status, "Available")?.status === "True";
  if (!isAsked) return {};
  try {
    return { room: await roomOf(session, cache) };
  } catch (error) {
    if (!(error instanceof CliError)) return { fails: reasonOf(error) };
    unread.add(`Whether its keeper answers is not known: ${error.message}`);
    return {};
  }
}

async function aboutStep(
  reader: Reader,
  { kind, name }: { kind: "job" | "pod" | "cache"; name?: string | undefined },
  objects: Objects | undefined,
): Promise<Found> {
  const { namespace } = reader.session;
  const resource = kind === "job" ? resources.jobs : resources.pods;
  const object = await required<V1Job & V1Pod>(reader, resource, name ?? "");
  const pods =
    kind === "job"
      ? await list<V1Pod>(reader, resources.pods, {
          labelSelector: `${controllerLabel}=${object.metadata?.uid}`,
        })
      : [object as V1Pod];
  const newest = [...pods].sort((a, b) => createdOf(b) - createdOf(a)).slice(0, mostPods);
  const cacheName = cacheOfStep(object, newest);
  const isHeld = [object, ...newest].some(waitsForInputs);
  const [cache, events, said, before] = await Promise.all([
    optional<OrasCache>(reader, resources.orasCaches, cacheName),
    Promise.all(
      [...new Map([object, ...newest].map((each) => [each.metadata?.uid, each])).values()].map((each) =>
        eventsOf(reader, each as KubeObject),
      ),
    ),
    saidBy(reader, newest, namespace),
    isHeld ? whatIsBefore(reader, `${kind}/${name}`, objects) : undefined,
  ]);
  return {
    cacheName,
    cache,
    ...(kind === "job" ? { job: object as V1Job } : {}),
    pods: newest,
    said,
    events: sorted(events.flat()),
    before,
  };
}

/** What holds a step, however far before it: without the right to see the others, only what the operator says of it. */
async function whatIsBefore(
  { session, unread }: Reader,
  id: string,
  known: Objects | undefined,
): Promise<Before | undefined> {
  try {
    return beforeOf(known ?? (await readObjects(session)), id);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    unread.add(`What holds the steps before it is not known: ${error.message}`);
    return undefined;
  }
}

function cacheOfStep({ metadata }: V1Job | V1Pod, pods: readonly V1Pod[]): string {
  const { key, default: fallback = "" } = annotations["oras-cache"];
  const written = [metadata, ...pods.map((pod) => pod.metadata)].map((each) => each?.annotations?.[key]);
  return written.find((value) => value !== undefined) ?? fallback;
}

function nameOfPod({ metadata }: V1Pod): string {
  return metadata?.name ?? "";
}

function createdOf({ metadata }: V1Pod): number {
  return new Date(metadata?.creationTimestamp ?? 0).getTime();
}

async function required<T extends object>(reader: Reader, resource: Resource, name: string): Promise<T> {
  const { client, namespace } = reader.session;
  const need = { verbs: ["get"], resource: resource.plural, name, namespace };
  const found = await withRight(need, () => get<T>(client, resource, { namespace, name }));
  if (found !== undefined) return found;
  const gone = toldOfGone(resource.kind, await eventsWith(reader, `regarding.name=${name}`));
  const message = `There is no ${resource.kind} "${name}" in the namespace ${namespace}.`;
  throw new CliError([message, ...gone.map(visible)].join("\n"), exits.notFound);
}

async function optional<T extends object>(
  reader: Reader,
  resource: Resource,
  name: string,
): Promise<T | undefined> {
  const { client, namespace } = reader.session;
  return unlessForbidden(
    reader,
    `get ${resource.plural}`,
    () => get<T>(client, resource, { namespace, name }),
    undefined,
  );
}

async function list<T>(
  reader: Reader,
  resource: Resource,
  query: Record<string, string>,
): Promise<readonly T[]> {
  const { client, namespace } = reader.session;
  const ask = async () =>
    (await client.request<{ items: T[] }>({ path: pathOf(resource, { namespace }), query })).items;
  return unlessForbidden(reader, `list ${resource.plural}`, ask, []);
}

/** What a page shows less for want of a right is said below it. */
async function unlessForbidden<T>(
  { session, unread }: Reader,
  right: string,
  ask: () => Promise<T>,
  instead: T,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!isStatus(error, 403)) throw error;
    unread.add(
      `You have no right to ${right} in the namespace ${session.namespace}: what that would show is missing.`,
    );
    return instead;
  }
}

/** By its uid: one of the same name may have been there before. */
async function eventsOf(reader: Reader, object: KubeObject | undefined): Promise<readonly ShownEvent[]> {
  const uid = object?.metadata?.uid;
  return uid === undefined ? [] : (await eventsWith(reader, `regarding.uid=${uid}`)).map(shownEvent);
}

/** Of each Pod that had the name since its cache was created: the StatefulSet gives it to one after the other. */
async function eventsOfPod(
  reader: Reader,
  name: string,
  { metadata }: OrasCache,
): Promise<readonly ShownEvent[]> {
  const since = new Date(metadata?.creationTimestamp ?? 0).getTime();
  const events = await eventsWith(reader, `regarding.kind=Pod,regarding.name=${name}`);
  return events.map(shownEvent).filter(({ at }) => Date.parse(at) >= since);
}

async function eventsWith(reader: Reader, fieldSelector: string): Promise<readonly KubeEvent[]> {
  return list<KubeEvent>(reader, resources.events, { fieldSelector, limit: String(mostEvents) });
}

/** What the operator's containers that run said last: what they wait for. */
async function saidBy(
  reader: Reader,
  pods: readonly V1Pod[],
  namespace: string,
): Promise<ReadonlyMap<string, string>> {
  const running = pods.flatMap((pod) => {
    const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
    return [...initContainerStatuses, ...containerStatuses]
      .filter(({ name, state }) => state?.running !== undefined && isAdded({ name }))
      .map(({ name }) => ({ pod: nameOfPod(pod), name }));
  });
  const lines = await Promise.all(
    running.map(async ({ pod, name }) => {
      const path = `${pathOf(resources.pods, { namespace, name: pod })}/log`;
      const read = async () => {
        const response = await reader.session.client.stream({
          path,
          query: { container: name, tailLines: 1 },
          // Its kubelet may not answer.
          signal: AbortSignal.timeout(longestLogMs),
        });
        return Buffer.concat(await response.toArray())
          .toString()
          .trim();
      };
      const text = await unlessForbidden(reader, "get pods/log", read, "").catch(() => "");
      return [`${pod}/${name}`, text] as const;
    }),
  );
  return new Map(lines.filter(([, text]) => text !== ""));
}
