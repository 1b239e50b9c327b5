import type { KeyObject } from "node:crypto";
import type { Logger } from "pino";
import type { StoredOrasCache } from "../cache/types.ts";
import { createInTurn, type InTurn } from "../common/in-turn.ts";
import { type Controller, watchOf } from "../kube/controller.ts";
import { sentenceOf } from "../kube/errors.ts";
import type { EventRecorder } from "../kube/events.ts";
import { forgetOldest } from "../kube/forget.ts";
import { keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import type { CacheAccess } from "./cache-access.ts";
import { cacheIn, leftOf, pushesOf } from "./outcomes.ts";
import { type StepPush, type WriteSettings, type Written, writeProvenance } from "./provenance-write.ts";
import type { SigningKeys } from "./signing-keys.ts";
import { cacheOfStep } from "./step-arrivals.ts";
import type { StepPod } from "./step-pods.ts";

/** What writing down how artifacts were made needs. */
export interface ProvenanceSettings extends WriteSettings {
  readonly log: Logger;
  readonly publish: EventRecorder;
  /** A mirror of the injected Pods. */
  readonly pods: Pick<Reflector<StepPod>, "store" | "subscribe" | "synced">;
  readonly caches: Pick<Reflector<StoredOrasCache>, "store">;
  readonly access: CacheAccess;
  readonly keys: SigningKeys;
  readonly leads: () => boolean;
  /** When the leader before was last there; undefined: there was none. */
  readonly before: Date | undefined;
}

/** What the leader before may have left undone. Who looks further back asks for the index of each Pod that ended. */
const overlapMs = 10 * 60_000;
const retryMs = 30_000;
/** A registry that does not take one, takes few: those that wait are not all tried meanwhile. */
const restMs = 5_000;
/** Some artifacts stay without a statement: those of a registry that does not answer for that long. */
const longestMs = 60 * 60_000;
/** A key that is not usable is waited for; afterwards statements are written without a signature, as they are of use without one. */
const keyMs = 5 * 60_000;
const mostRemembered = 20_000;
/** Nobody waits for a statement: whatever ends at once, a registry gets few at a time. */
const [workers, parts] = [4, 2];

/**
 * The controller that writes how artifacts were made beside them, once for each push that a Pod tells of. It alone writes, and
 * about one artifact one after the other, so that no two change an index at a time.
 *
 * @param settings - see there
 */
export function provenanceController(settings: ProvenanceSettings): Controller {
  const { client, pods, caches, leads } = settings;
  const since = (settings.before?.getTime() ?? client.now()) - overlapMs;
  const done = new Set<string>();
  const restsUntil = new Map<string, number>();
  /** Since when a cache has no usable key, as this leader has seen it. */
  const keyless = new Map<string, number>();
  const writing = { ...settings, inTurn: createInTurn() };
  const idOf = (pod: StepPod, { digest, artifact }: StepPush) => `${pod.metadata?.uid}/${digest}/${artifact}`;
  const isNews = (pod: StepPod, push: StepPush) =>
    push.finishedAt.getTime() >= since && !done.has(idOf(pod, push));

  const writeOnce = async (pod: StepPod, push: StepPush, cache: StoredOrasCache | undefined) => {
    if (cache && (restsUntil.get(keyOf(cache)) ?? 0) > performance.now()) return false;
    const result = await writeIfWanted(writing, keyless, cache, pod, push);
    if (result === undefined) return false;
    done.add(idOf(pod, push));
    forgetOldest(done, mostRemembered);
    if (result !== "known") settings.log.debug({ pod: keyOf(pod), result }, "provenance");
    return true;
  };
  /** Whether there is nothing left to do. */
  const settle = async (pod: StepPod, push: StepPush): Promise<boolean> => {
    const cache = cacheOf(caches, pod, push);
    try {
      return await writeOnce(pod, push, cache);
    } catch (error) {
      // Another leader goes on.
      if (settings.signal.aborted || !leads()) return true;
      if (cache) restsUntil.set(keyOf(cache), performance.now() + restMs);
      forgetOldest(restsUntil, mostRemembered);
      tellOfFailure(settings, cache, error);
      return false;
    }
  };

  return {
    name: "provenance",
    watches: [
      watchOf(pods, (now) => (now && pushesIn(now).some((push) => isNews(now, push)) ? [keyOf(now)] : [])),
    ],
    reconcile: async (key) => {
      const pod = pods.store.get(key);
      if (pod === undefined) return undefined;
      const pushes = pushesIn(pod)
        .filter((push) => isNews(pod, push))
        .filter(({ finishedAt }) => client.now() - finishedAt.getTime() < longestMs);
      let isDone = true;
      for (const push of pushes) isDone = (await settle(pod, push)) && isDone;
      return isDone ? undefined : retryMs;
    },
    workers,
    parts,
  };
}

/** Its output, and what it has left when it failed. */
function pushesIn(pod: StepPod): StepPush[] {
  return [...pushesOf(pod), ...leftOf(pod).map((left) => ({ ...left, isLeft: true as const }))];
}

/** The cache in whose registry a push went, or that names the remote one. */
function cacheOf(
  caches: ProvenanceSettings["caches"],
  pod: StepPod,
  push: StepPush,
): StoredOrasCache | undefined {
  const namespace = pod.metadata?.namespace ?? "";
  const isCache = (name: string) => caches.store.get(`${namespace}/${name}`) !== undefined;
  const own = cacheIn(push.artifact, namespace, isCache)?.name;
  return caches.store.get(own === undefined ? (cacheOfStep(pod) ?? "") : `${namespace}/${own}`);
}

/** Undefined where it is to be tried again. */
async function writeIfWanted(
  settings: ProvenanceSettings & { readonly inTurn: InTurn },
  keyless: Map<string, number>,
  cache: StoredOrasCache | undefined,
  pod: StepPod,
  push: StepPush,
): Promise<Written | undefined> {
  if (cache === undefined) return { skipped: "no OrasCache of the namespace has its registry" };
  if (cache.spec.lineage?.provenance === false) return { skipped: "the OrasCache wants none" };
  const isCache = (name: string) => name === cache.metadata?.name;
  if (!cache.spec.deploy || cacheIn(push.artifact, pod.metadata?.namespace ?? "", isCache) === undefined) {
    tellOfRemote(settings, cache);
    return { skipped: "it is in a remote registry" };
  }
  const signing = await keyFor(settings, keyless, cache, pod, push);
  const access = signing && (await settings.access.to(cache));
  if (signing === undefined || access === undefined) return undefined;
  // Several Pods may push the same.
  return settings.inTurn(`${keyOf(cache)} ${push.digest}`, () =>
    writeProvenance(settings, access, cache, pod, push, signing.key),
  );
}

/** With what a statement is signed, if it is; undefined where it is to be tried again. */
async function keyFor(
  { client, keys, publish, signal }: ProvenanceSettings,
  keyless: Map<string, number>,
  cache: StoredOrasCache,
  pod: StepPod,
  push: StepPush,
): Promise<{ readonly key: KeyObject | undefined } | undefined> {
  const secret = cache.spec.lineage?.signingKeySecret;
  if (secret === undefined) return { key: undefined };
  const found = await keys.of(pod.metadata?.namespace ?? "", secret, signal);
  if ("key" in found) {
    keyless.delete(keyOf(cache));
    return found;
  }
  const note = `Statements of how artifacts were made cannot be signed: ${found.problem}. Each waits ${keyMs / 60_000} minutes for a key, then it is written without a signature.`;
  publish(cache, { type: "Warning", reason: "ProvenanceNotSigned", action: "Record", note });
  // A push that nobody has looked at for long has not waited for a key.
  const [now, pushedAt] = [client.now(), push.finishedAt.getTime()];
  const since = keyless.get(keyOf(cache)) ?? now;
  keyless.set(keyOf(cache), since);
  forgetOldest(keyless, mostRemembered);
  const waits = now - Math.max(since, pushedAt) < keyMs && now - pushedAt < longestMs - keyMs;
  return waits ? undefined : { key: undefined };
}

/** Once: it is the same for all of its artifacts. */
function tellOfRemote({ publish }: ProvenanceSettings, cache: StoredOrasCache): void {
  const note = `It is not recorded how artifacts are made that steps push to a remote registry: the operator has no login for it. Set spec.lineage.provenance to false to be told of it no more.`;
  publish(cache, {
    type: "Normal",
    reason: "ProvenanceNotWritten",
    action: "Record",
    note,
    occasion: "remote",
  });
}

function tellOfFailure(
  { publish, log, access }: ProvenanceSettings,
  cache: StoredOrasCache | undefined,
  error: unknown,
): void {
  const sentence = sentenceOf(error);
  log.warn({ error: sentence, cache: cache && keyOf(cache) }, "provenance is not written");
  if (cache === undefined) return;
  access.forget(cache);
  const note = `It cannot be recorded how artifacts were made: ${sentence}. It is tried again.`;
  publish(cache, { type: "Warning", reason: "ProvenanceFailed", action: "Record", note });
}
