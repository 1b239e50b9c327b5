import type { Logger } from "pino";
import { names } from "../../schema/names.ts";
import { emptyByHand, emptyingOf, isEmptied, keepByHand, type Leaving } from "../cache/emptying.ts";
import { answered, type FailedTry, type Failing, failsAgain } from "../cache/emptying-failures.ts";
import { isToldExported } from "../cache/export.ts";
import { identityOf } from "../cache/owner.ts";
import { s3Location } from "../cache/s3.ts";
import { asksForExport } from "../cache/storage.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import type { EmptyReport } from "../keeper/empty.ts";
import type { KubeClient } from "../kube/client.ts";
import { type Controller, watchOf } from "../kube/controller.ts";
import { sentenceOf } from "../kube/errors.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { changeFinalizers, foregroundDeletion } from "../kube/finalizers.ts";
import { type KubeObject, keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { resources } from "../kube/resources.ts";
import type { Peer } from "../registry/peer.ts";
import { firstPod, isOnlyStarting } from "./first-pod.ts";
import { namespaceGoes } from "./namespace-goes.ts";
import { keeperAccess } from "./trust.ts";

/** What emptying folders needs. */
export interface EmptyingSettings {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly caches: Reflector<StoredOrasCache>;
  readonly publish: EventRecorder;
  readonly operatorKey: string;
  /** The operator's own Pod: of what goes with its namespace, Events are written about it. */
  readonly self: KubeObject;
  readonly askEmpty: (peer: Peer, token: string) => Promise<EmptyReport>;
  readonly signal: AbortSignal;
}

const pollMs = 3_000;

/**
 * Empties the folder of a bucket when its OrasCache is deleted and says so: it holds the OrasCache, has the keeper delete, which has
 * the keys, and lets it go. Nothing is remembered that counts: another leader goes on by asking again.
 *
 * @param settings - see there
 */
export function emptyingController(settings: EmptyingSettings): Controller {
  const { caches, client, log, publish } = settings;
  const failing = new Map<string, Failing>();
  const tell = (about: KubeObject, cache: StoredOrasCache, note: EventNote) => {
    log.info({ cache: keyOf(cache), reason: note.reason }, note.note);
    publish(about, note);
  };
  // What somebody has changed meanwhile, the watch tells of.
  const change = (cache: StoredOrasCache, finalizers: readonly string[]) =>
    changeFinalizers(client, resources.orasCaches, cache, finalizers);
  const letGo = async (cache: StoredOrasCache, seen: Seen, isKept: boolean) => {
    const others = finalizersOf(cache).filter((each) => each !== names.emptyFinalizer);
    if ((await change(cache, others)) !== "written") return;
    // Events of a namespace that goes are refused, or go with it.
    if (isKept) tell(seen.namespaceGoes ? settings.self : cache, cache, kept(cache, seen));
    else if (seen.isEmpty) tell(cache, cache, emptied(cache, seen.deleted));
  };
  const fail = (key: string, cache: StoredOrasCache, failed: FailedTry): number => {
    const after = failsAgain(failing.get(key), failed, client.now());
    failing.set(key, after.failing);
    if (after.isTold) tell(cache, cache, failure(cache, failed.why));
    return after.againInMs;
  };
  const goOn = (key: string): number => {
    const before = failing.get(key);
    if (before !== undefined) failing.set(key, answered(before));
    return pollMs;
  };
  return {
    name: "emptying",
    watches: [
      watchOf(caches, (now) => (now && (isEmptied(now) || finalizersOf(now).length > 0) ? [keyOf(now)] : [])),
    ],
    reconcile: async (key) => {
      const cache = caches.store.get(key);
      if (cache === undefined) {
        failing.delete(key);
        return undefined;
      }
      const seen = await see(settings, cache);
      const act = emptyingOf(seen);
      switch (act) {
        case "nothing":
          return undefined;
        case "hold":
          await change(cache, [...finalizersOf(cache), names.emptyFinalizer]);
          return undefined;
        case "wait":
        case "empty":
          return seen.failed === undefined ? goOn(key) : fail(key, cache, seen.failed);
        case "let go":
        case "keep":
          await letGo(cache, seen, act === "keep");
          return undefined;
      }
    },
  };
}

interface Seen extends Leaving {
  /** Objects. */
  readonly deleted: number;
  readonly failed: FailedTry | undefined;
}

/** What there is to decide with; the keeper is asked only where it may empty the folder. */
async function see(settings: EmptyingSettings, cache: StoredOrasCache): Promise<Seen> {
  const finalizers = finalizersOf(cache);
  const seen = {
    isHeld: finalizers.includes(names.emptyFinalizer),
    isDeleted: cache.metadata?.deletionTimestamp !== undefined,
    isWanted: isEmptied(cache),
    // Finalizers of others are none of the operator's business: they may wait for this one.
    isNeeded: finalizers.some((each) => each.startsWith(names.prefix) && each !== names.emptyFinalizer),
    isUnsaved: asksForExport(cache) && !isToldExported(cache),
    hasNoPods: finalizers.includes(foregroundDeletion),
    ...{ namespaceGoes: false, isEmpty: false, deleted: 0, failed: undefined },
  };
  if (!seen.isDeleted || !seen.isHeld || !seen.isWanted) return seen;
  const there = { ...seen, namespaceGoes: await namespaceGoes(settings.client, cache) };
  if (emptyingOf(there) !== "empty") return there;
  try {
    const { isDone, deleted, failure: why } = await ask(settings, cache);
    const failed = why === undefined ? undefined : { why, isSaid: true, isStarting: false };
    return { ...there, isEmpty: isDone, deleted, failed };
  } catch (error) {
    const isStarting = await isOnlyStarting(settings.client, cache, settings.signal);
    return { ...there, failed: { why: sentenceOf(error), isSaid: false, isStarting } };
  }
}

async function ask(settings: EmptyingSettings, cache: StoredOrasCache): Promise<EmptyReport> {
  const identity = identityOf(cache);
  const { client, operatorKey, signal } = settings;
  const pod = await firstPod(client, cache, signal);
  const keeper = pod && (await keeperAccess(pod, identity, operatorKey, client.now()));
  if (!keeper) throw new Error(`Pod ${identity.name}-0, whose keeper empties the folder, is not ready`);
  return settings.askEmpty(keeper.peer, keeper.token);
}

function finalizersOf({ metadata }: StoredOrasCache): readonly string[] {
  return metadata?.finalizers ?? [];
}

function emptied(cache: StoredOrasCache, deleted: number): EventNote {
  const note = `${s3Location(cache)} is empty: ${deleted} objects were deleted.`;
  return { type: "Normal", reason: "Emptied", action: "Empty", note };
}

function failure(cache: StoredOrasCache, why: string): EventNote {
  const note =
    `${s3Location(cache)} is not empty yet: ${why}. It is tried again. To keep the folder and let the ` +
    `${names.kind} go: ${keepByHand(cache)}`;
  return { type: "Warning", reason: "EmptyFailed", action: "Empty", note };
}

function kept(cache: StoredOrasCache, { namespaceGoes, hasNoPods }: Seen): EventNote {
  const { namespace, name } = identityOf(cache);
  const note = `The folder of ${names.kind} ${namespace}/${name} is kept, because ${whyKept()}. Delete it: ${emptyByHand(cache)}`;
  return { type: "Warning", reason: "NotEmptied", action: "Empty", note };

  function whyKept(): string {
    if (namespaceGoes) return "its namespace is being deleted, where nothing can run any more";
    if (hasNoPods) return "the registry has no Pod that could delete it";
    return `its artifacts are not exported: it was deleted before the operator saw the annotation ${names.exportAnnotation}`;
  }
}
