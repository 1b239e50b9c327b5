import { names } from "../../schema/names.ts";
import { memoKey } from "../cache/access.ts";
import { memoRepositoryOf } from "../cache/memo-repository.ts";
import { identityOf } from "../cache/owner.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { inParallel } from "../common/in-parallel.ts";
import { createInTurn } from "../common/in-turn.ts";
import type { KubeClient } from "../kube/client.ts";
import { isStatus, sentenceOf } from "../kube/errors.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { forgetOldest } from "../kube/forget.ts";
import { patchJson } from "../kube/objects.ts";
import { resources } from "../kube/resources.ts";
import { answered, isAnswered, oldestForgotten } from "../memo/forget.ts";
import type { Memos, NotKnown } from "../memo/memos.ts";
import { type ForgetAnswer, later, type MemoState, withoutKeys } from "../memo/state.ts";
import { manifestHead } from "../registry/head.ts";
import type { CacheAccess } from "./cache-access.ts";
import {
  findIn,
  latestIn,
  latestOrEarlierRunIn,
  type MemoStore,
  retagIn,
  type SeenEntries,
  writeIn,
} from "./memo-store.ts";

/** What memoization needs. */
export interface MemosSettings {
  readonly client: KubeClient;
  readonly caches: { readonly store: { readonly get: (key: string) => StoredOrasCache | undefined } };
  readonly operatorKey: string;
  readonly signal: AbortSignal;
  readonly publish: EventRecorder;
  /** How to ask the registry of a cache; undefined where it is not ready. */
  readonly accessTo: CacheAccess["to"];
}

const mostRemembered = 10_000;

/**
 * Results of steps in the registries of OrasCaches, asked with the operator's own login.
 *
 * @param settings - see there
 */
export function createMemos(settings: MemosSettings): Memos {
  const { client, caches, operatorKey, signal, accessTo, publish } = settings;
  /** What this process has forgotten, by the UIDs of caches: the mirror is behind. */
  const states = new Map<string, MemoState>();
  const seen: SeenEntries = new WeakMap();
  const inTurn = createInTurn();

  const stateOf = (cache: StoredOrasCache) => later(cache.status?.memo, states.get(identityOf(cache).uid));

  const storedCache = (key: string): StoredOrasCache => {
    const cache = caches.store.get(key);
    if (cache === undefined) throw new Error(`there is no ${names.kind} ${key}`);
    return cache;
  };

  const storeOf = async (key: string): Promise<MemoStore> => {
    const cache = storedCache(key);
    const { namespace, name, uid } = identityOf(cache);
    if (!cache.spec.deploy) throw new RemoteError(`the registry of ${names.kind} ${name} is a remote one`);
    const access = await accessTo(cache);
    if (access === undefined) throw new Error(`the registry of ${names.kind} ${name} is not ready`);
    return {
      registry: { ...access, signal },
      repository: memoRepositoryOf(cache.spec),
      scope: {
        ...{ namespace, name, uid },
        secret: memoKey(operatorKey, { namespace, name }),
        state: stateOf(cache),
      },
      ...{ seen, now: client.now },
    };
  };

  /** One after the other: each starts from what the one before has written. */
  const change = (key: string, next: (state: MemoState | undefined) => MemoState): Promise<MemoState> =>
    inTurn(key, async () => {
      const cache = storedCache(key);
      const { namespace, name, uid } = identityOf(cache);
      const memo = next(stateOf(cache));
      const put = (before: MemoState | undefined) =>
        patchJson(client, resources.orasCaches, { namespace, name, subresource: "status" }, [
          { op: "test", path: "/metadata/uid", value: uid },
          // Where another replica has written, the mirror learns of it, and it is tried again.
          { op: "test", path: "/status/memo", value: before ?? null },
          { op: "add", path: "/status/memo", value: memo },
        ]);
      // What this process has written may not be in the mirror yet, or somebody has taken it away since.
      await put(stateOf(cache)).catch((error: unknown) => {
        if (isStatus(error, 422) && states.has(uid)) return put(cache.status?.memo);
        throw error;
      });
      states.delete(uid);
      states.set(uid, memo);
      forgetOldest(states, mostRemembered);
      return memo;
    });

  /** The same, and tells everybody where more went than the keys: nobody has asked for that. */
  const changeKeys: typeof change = async (key, next) => {
    const about = storedCache(key);
    let before: number | undefined;
    const state = await change(key, (was) => {
      before = was?.forgottenBefore;
      return next(was);
    });
    if (state.forgottenBefore !== before) publish(about, tellOfOldest(state));
    return state;
  };

  return {
    find: async (cache, key, { maxAgeSeconds } = {}) => {
      try {
        return await findIn(await storeOf(cache), key, maxAgeSeconds);
      } catch (error) {
        if (error instanceof RemoteError) return { kind: "miss", because: error.message };
        return unknown(error);
      }
    },
    latestOf: async (cache, output) => {
      try {
        return await latestOrEarlierRunIn(await storeOf(cache), output);
      } catch {
        // It is wanted for a message only, which then has one part less.
        return undefined;
      }
    },
    latestKeys: async (cache, outputs) => {
      const store = await storeOf(cache);
      const keys = await inParallel(outputs, async (output) => (await latestIn(store, output))?.key);
      return [...new Set(keys.flatMap((key) => key ?? []))];
    },
    tagged: async (cache, { repository, tag }) => {
      try {
        const { registry } = await storeOf(cache);
        const head = await manifestHead(registry.peer, repository, tag, registry.authorization, signal);
        if ("digest" in head || "missing" in head) return head;
        return { kind: "unknown", because: "unknown" in head ? head.unknown : head.refused };
      } catch (error) {
        return unknown(error);
      }
    },
    retag: async (cache, entry, to, limits) => {
      try {
        return await retagIn(await storeOf(cache), entry, to, limits);
      } catch (error) {
        return unknown(error);
      }
    },
    write: async (cache, entry) => writeIn(await storeOf(cache), entry),
    forget: async (cache, ...keys) => {
      await changeKeys(cache, (was) => withoutKeys(was, keys));
    },
    answer: async (cache, request, outcome) => {
      // The mirror may not have the answer yet.
      const next = (state: MemoState | undefined) =>
        state && isAnswered(state, request) ? state : answered(state, request, outcome);
      const { answers } = await (outcome.kind === "all" ? change : changeKeys)(cache, next);
      return answers?.[0] as ForgetAnswer;
    },
  };
}

function tellOfOldest(state: MemoState): EventNote {
  return { type: "Warning", reason: "OldestForgotten", action: "Forget", note: oldestForgotten(state) };
}

/** The operator has no login there, and asks nobody for one. */
class RemoteError extends Error {
  override readonly name = "RemoteError";
}

function unknown(error: unknown): NotKnown {
  return { kind: "unknown", because: sentenceOf(error) };
}
