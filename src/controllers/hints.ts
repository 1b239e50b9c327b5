import { setTimeout as delay } from "node:timers/promises";
import type { V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { followPushes, type Push } from "../keeper/pushes.ts";
import type { KubeClient } from "../kube/client.ts";
import { nameOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { type Artifact, idOf } from "../workflow/step.ts";
import { registryPods } from "./first-pod.ts";
import type { Heads } from "./heads.ts";
import type { MovedTags } from "./moved-tags.ts";
import type { Pushes } from "./pushes.ts";
import { keeperAccess } from "./trust.ts";
import type { Waiters } from "./waiters.ts";

/** Whom a push is told. */
interface Hearing {
  readonly client: Pick<KubeClient, "now">;
  readonly heads: Pick<Heads, "of" | "outdated">;
  readonly waiters: Pick<Waiters, "anyOn" | "wake">;
  readonly moved: Pick<MovedTags, "anyOn" | "look">;
  readonly pushes: Pick<Pushes, "note">;
  readonly signal: AbortSignal;
}

/** What hearing of pushes needs. */
interface HintSettings extends Hearing {
  readonly client: KubeClient;
  readonly caches: Pick<Reflector<StoredOrasCache>, "store">;
  readonly operatorKey: string;
  readonly heads: Heads;
  readonly waiters: Waiters;
  readonly moved: MovedTags;
}

/** How often it is looked whether the Pods of a registry are others. */
const lookMs = 10_000;
/** The same where no step waits: some read for as long as a service runs, and a push that is not heard costs them an Event. */
const readLookMs = 120_000;
/** distribution tells of a push before it has written the tag: mostly a few milliseconds, which each step would wait in vain. */
const tagWrittenMs = [0, 2, 4, 8, 16, 32, 64, 128, 256, 512];
/** The end of the User-Agent of a step. */
const requestId = /(?:^| )request\/([0-9a-f-]{36})$/;

/**
 * Hears of pushes to the registries for whose artifacts steps wait: such a step starts as soon as its input is there, and not when the
 * Pod that made it has ended. Without it they are found out a little later.
 *
 * @param settings - see there
 * @returns what is told of each cache for which a step waits, or from which one reads what its tag had
 */
export function createHints(settings: HintSettings): (cache: string) => void {
  const { signal } = settings;
  const followed = new Set<string>();
  return (cache) => {
    if (followed.has(cache) || signal.aborted) return;
    followed.add(cache);
    void follow(settings, cache).finally(() => followed.delete(cache));
  };
}

/** Until nobody waits for anything of that cache, or reads it. */
async function follow(settings: HintSettings, cache: string): Promise<void> {
  const { caches, waiters, moved, signal } = settings;
  const isWanted = () => waiters.anyFor(cache) || moved.anyFor(cache);
  const followers = new Map<string, AbortController>();
  let lookedAt = Number.NEGATIVE_INFINITY;
  try {
    while (!signal.aborted && isWanted() && caches.store.get(cache)?.spec.deploy !== false) {
      if (waiters.anyFor(cache) || performance.now() - lookedAt >= readLookMs) {
        lookedAt = performance.now();
        // Where the API server does not answer, what is followed goes on, and is looked at again later.
        await followEach(settings, cache, followers).catch(() => undefined);
      }
      await delay(lookMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    for (const ends of followers.values()) ends.abort();
  }
}

/** Each Pod's keeper hears of what is pushed to that Pod. */
async function followEach(
  settings: HintSettings,
  cache: string,
  followers: Map<string, AbortController>,
): Promise<void> {
  const { client, operatorKey, waiters, signal } = settings;
  const id = nameOf(cache);
  const pods = new Map<string, V1Pod>();
  for await (const pod of registryPods(client, id, signal))
    if (pod.status?.podIP && !pod.metadata?.deletionTimestamp)
      pods.set(`${pod.metadata?.uid} ${pod.status.podIP}`, pod);
  for (const [name, ends] of followers) {
    if (pods.has(name)) continue;
    ends.abort();
    followers.delete(name);
  }
  const listener = {
    onGap: () => waiters.wakeAllOf(cache),
    onPush: (push: Push) => void heard(settings, cache, push),
  };
  for (const [name, pod] of pods) {
    const access = followers.has(name) ? undefined : await keeperAccess(pod, id, operatorKey, client.now());
    if (access === undefined) continue;
    const ends = new AbortController();
    followers.set(name, ends);
    void followPushes(access.peer, access.token, listener, AbortSignal.any([signal, ends.signal]));
  }
}

/**
 * Hears of a push. The registry is the truth: who waits is told when it says the same.
 *
 * @param settings - see there
 * @param cache - the key of the cache in whose registry it is
 * @param push - as the registry's keeper tells of it
 */
export async function heard(
  { client, heads, waiters, moved, pushes, signal }: Hearing,
  cache: string,
  push: Push,
): Promise<void> {
  const at = client.now();
  const { namespace, name } = nameOf(cache);
  const { repository, tag, digest, userAgent } = push;
  if (tag === undefined || repository === names.stateRepository) return;
  const artifact: Artifact = { registry: `cache ${name}`, repository, version: `:${tag}` };
  const isRead = moved.anyOn(namespace, artifact);
  if (!isRead && !waiters.anyOn(namespace, artifact)) return;
  let isWritten = false;
  for (const ms of tagWrittenMs) {
    await delay(ms, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    heads.outdated(namespace, artifact);
    const head = await heads.of(namespace, artifact);
    isWritten = "digest" in head && head.digest === digest;
    if (isWritten) break;
  }
  const [, request] = requestId.exec(userAgent) ?? [];
  if (request) pushes.note({ request, artifact: idOf(artifact), digest, isWritten, at });
  waiters.wake(namespace, artifact);
  await moved.look(namespace, artifact);
}
