import type { V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { isEmptied } from "../cache/emptying.ts";
import {
  counted,
  type ExportAnswer,
  type Exporting,
  type ExportRequest,
  type ExportTarget,
  exportRequest,
  exportTarget,
  isToldExported,
  whatStays,
} from "../cache/export.ts";
import { type Farewell, farewellOf, type LetGoReason } from "../cache/farewell.ts";
import { identityOf } from "../cache/owner.ts";
import { hostOf, isReady } from "../cache/pods.ts";
import { storageOf } from "../cache/storage.ts";
import { hasKeeperIn } from "../cache/told-users.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import type { KubeClient } from "../kube/client.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { changeFinalizers, foregroundDeletion } from "../kube/finalizers.ts";
import { type KubeObject, keyOf } from "../kube/objects.ts";
import { resources } from "../kube/resources.ts";
import type { Peer } from "../registry/peer.ts";
import { namespaceGoes } from "./namespace-goes.ts";
import { keeperAccess } from "./trust.ts";

/** Asks a keeper to export, or how far it is. */
export type AskExport = (peer: Peer, token: string, asked: ExportRequest) => Promise<ExportAnswer>;

/** What holding and exporting needs. */
export interface FarewellSettings {
  readonly client: KubeClient;
  readonly askExport: AskExport;
  readonly record: EventRecorder;
  /** The operator's own Pod: of what goes with its namespace, Events are written about it. */
  readonly self: KubeObject;
  readonly installation: { readonly operatorKey: string; readonly clusterDomain: string };
}

/** A cache as it is to be looked after, and what is known of its export. */
interface Held {
  /** Undefined: it is gone, or let go. */
  readonly cache?: StoredOrasCache;
  readonly exporting?: Exporting;
  readonly againInMs?: number;
}

const pollMs = 3_000;
const soonMs = 1_000;
/** A keeper that is started again answers by then. */
const patientFor = 20;

/**
 * Holds caches whose artifacts are to be copied to another registry when they are deleted, has their keepers copy, and lets them go.
 * Nothing is remembered that counts: another leader, or another keeper, goes on by asking again.
 *
 * @param settings - see there
 */
export function createFarewell(settings: FarewellSettings) {
  const { client, record, installation } = settings;
  const silent = new Map<string, number>();

  const ask = async (
    cache: StoredOrasCache,
    pods: readonly V1Pod[],
    { to }: ExportTarget,
  ): Promise<Exporting["answer"]> => {
    if (to === undefined) return undefined;
    const ready = pods.filter((pod) => isReady(pod) && hostOf(pod) !== undefined);
    // Always the same one of several.
    const [pod] = ready.sort((a, b) => (a.metadata?.name ?? "").localeCompare(b.metadata?.name ?? ""));
    if (pod === undefined) return undefined;
    // On a volume, and with S3, it is replaced by one that can.
    const cannot =
      storageOf(cache).kind === "emptyDir" ? ({ said: "cannot", silent: false } as const) : undefined;
    if (!hasKeeperIn(pod.spec)) return cannot;
    const identity = identityOf(cache);
    const keeper = await keeperAccess(pod, identity, installation.operatorKey, client.now());
    if (keeper === undefined) return undefined;
    const said = await settings.askExport(keeper.peer, keeper.token, exportRequest(cache, to, installation));
    if (said === "cannot") return cannot;
    const times = said === undefined ? (silent.get(keyOf(cache)) ?? 0) + 1 : 0;
    silent.set(keyOf(cache), times);
    return { said, silent: times >= patientFor };
  };

  const tell = (cache: StoredOrasCache, because: LetGoReason, exporting: Exporting | undefined) => {
    const note = goodbye(cache, because, exporting);
    if (note !== undefined) record(because === "namespace" ? settings.self : cache, note);
  };

  const see = async (cache: StoredOrasCache, pods: readonly V1Pod[]) => {
    const { deletionTimestamp, finalizers = [] } = cache.metadata ?? {};
    const isHeld = finalizers.includes(names.exportFinalizer);
    const isDeleted = deletionTimestamp !== undefined;
    const isForeground = finalizers.includes(foregroundDeletion);
    const target = exportTarget(cache, installation);
    const isAwaited = finalizers.includes(names.emptyFinalizer);
    const isNeeded = isAsleep(cache);
    const seen = {
      ...{ isHeld, isDeleted, isForeground, target, isNeeded },
      ...{ namespaceGoes: false, isExported: false },
    };
    const isHeldForIt = isHeld && target !== undefined;
    if (!isDeleted || !(isHeldForIt || isNeeded)) return { leaving: seen, target };
    const goes = await namespaceGoes(client, cache);
    if (!isHeldForIt) return { leaving: { ...seen, namespaceGoes: goes }, target };
    const answer = goes || isForeground ? undefined : await ask(cache, pods, target);
    const isExported = isWhole(answer) && (!isAwaited || isToldExported(cache));
    return {
      leaving: { ...seen, namespaceGoes: goes, isExported },
      target,
      exporting: { target, ...(answer === undefined ? {} : { answer }) },
    };
  };

  const letGo = async (
    cache: StoredOrasCache,
    because: LetGoReason,
    exporting: Exporting | undefined,
  ): Promise<Held> => {
    const isDone = await change(client, cache, without);
    if (isDone) tell(cache, because, exporting);
    const stays = cache.metadata?.deletionTimestamp === undefined;
    return { ...(stays && { cache }), ...(!isDone && { againInMs: soonMs }) };
  };

  return {
    /**
     * Does what is to be done about the end of a cache.
     *
     * @param cache - as stored
     * @param pods - its registry's
     */
    look: async (cache: StoredOrasCache, pods: readonly V1Pod[]): Promise<Held> => {
      const { leaving, target, exporting } = await see(cache, pods);
      const farewell: Farewell = farewellOf(leaving);
      const wrong = target?.problem === undefined ? {} : { exporting: { target } };
      switch (farewell.act) {
        case "gone":
          return {};
        case "let go":
          return letGo(cache, farewell.because, exporting);
        case "resume":
          // Whoever deletes its namespace meanwhile is seen by what empties it.
          return { cache: resumed(cache) };
        case "export":
          return { cache: resumed(cache), ...(exporting && { exporting }), againInMs: pollMs };
        case "hold": {
          const isHeld = await change(client, cache, withExport);
          return { cache, ...wrong, ...(!isHeld && { againInMs: soonMs }) };
        }
        case "stay":
          return { cache, ...wrong };
      }
    },
    forget: (key: string) => silent.delete(key),
  };
}

function isWhole(answer: Exporting["answer"]): boolean {
  return typeof answer?.said === "object" && answer.said.whole;
}

/** Whether nothing runs that could empty the folder of a cache, which is to be emptied. */
function isAsleep(cache: StoredOrasCache): boolean {
  const isAwaited = cache.metadata?.finalizers?.includes(names.emptyFinalizer) === true;
  return isAwaited && isEmptied(cache) && cache.spec.suspend;
}

/** A registry that is suspended has its artifacts on a volume or in S3; what is to be done with them needs it. */
function resumed(cache: StoredOrasCache): StoredOrasCache {
  return { ...cache, spec: { ...cache.spec, suspend: false } };
}

function withExport(finalizers: readonly string[]): string[] {
  return [...finalizers, names.exportFinalizer];
}

function without(finalizers: readonly string[]): string[] {
  return finalizers.filter((each) => each !== names.exportFinalizer);
}

/** Changes them; says whether they are as wanted. Where they are not, the watch tells of the change, and another look follows. */
async function change(
  client: KubeClient,
  cache: StoredOrasCache,
  to: (finalizers: readonly string[]) => string[],
): Promise<boolean> {
  const finalizers = to(cache.metadata?.finalizers ?? []);
  return (await changeFinalizers(client, resources.orasCaches, cache, finalizers)) !== "changed meanwhile";
}

function goodbye(
  cache: StoredOrasCache,
  because: LetGoReason,
  exporting: Exporting | undefined,
): EventNote | undefined {
  const { namespace, name } = identityOf(cache);
  const to = exporting?.target.to ?? "another registry";
  if (because === "not asked") return undefined;
  if (because === "exported") {
    const said = exporting?.answer?.said;
    const total = typeof said === "object" ? said.total : 0;
    return { type: "Normal", action: "Export", reason: "Exported", note: `${to} has ${counted(total)}.` };
  }
  const why =
    because === "namespace"
      ? "because its namespace is being deleted"
      : "because with --cascade=foreground its registry is deleted first";
  const note = `The ${names.kind} ${namespace}/${name} goes without its export to ${to}, ${why}. ${whatStays(cache, because === "namespace")}`;
  return { type: "Warning", action: "Export", reason: "NotExported", note };
}
