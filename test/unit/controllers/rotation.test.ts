import type { V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import { describe, expect, test, vi } from "vitest";
import { names } from "../../../schema/names.ts";
import { basicOf, cacheKey, keeperToken, loginSecretName } from "../../../src/cache/access.ts";
import { currentUser, type Logins } from "../../../src/cache/logins.ts";
import { statefulSet } from "../../../src/cache/stateful-set.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { createRotation } from "../../../src/controllers/rotation.ts";
import { childFacts, storedCache } from "../../support/cache.ts";
import { rolledOut } from "../../support/objects-in.ts";
import { readyPod } from "../../support/registry-pod.ts";

const facts = childFacts({ operatorKey: "secret" });
const place = { name: "oras", namespace: "work" };
const key = cacheKey("secret", place);
const past = "2026-01-01T00:00:00Z";

function cacheWith(auth: Logins | undefined, asked?: string, spec: object = {}): StoredOrasCache {
  const annotations = asked === undefined ? {} : { [names.rotateAnnotation]: asked };
  const cache = storedCache({ auth: { type: "htpasswd" }, ...spec }, { annotations });
  return auth === undefined ? cache : { ...cache, status: { conditions: [], auth } };
}

function setOf(cache: StoredOrasCache): V1StatefulSet {
  const set = statefulSet(cache, facts);
  return { ...set, status: rolledOut(set) as NonNullable<V1StatefulSet["status"]> };
}

/** A Pod that was made for a cache. */
function podOf(cache: StoredOrasCache, podIP = "10.0.0.1"): V1Pod {
  const spec = statefulSet(cache, facts).spec?.template.spec;
  return {
    metadata: { uid: podIP, name: "oras-0" },
    ...(spec ? { spec } : {}),
    status: { ...readyPod(past), podIP },
  };
}

function rotationWith(over: Partial<Parameters<typeof createRotation>[0]> = {}) {
  const tellUsers = vi.fn(async () => true);
  const letsIn = vi.fn(async () => true);
  const settings = { tellUsers, letsIn, loginsInUse: () => new Set<string>(), now: Date.now, ...over };
  return { tellUsers, letsIn, rotate: createRotation(settings, facts, async () => undefined) };
}

describe("a rotation", () => {
  test("asks nobody while there is none", async () => {
    const { rotate, tellUsers, letsIn } = rotationWith();
    const cache = cacheWith(undefined);
    expect(await rotate(cache, setOf(cache), [podOf(cache)])).toEqual({ cache });
    expect([tellUsers.mock.calls, letsIn.mock.calls]).toEqual([[], []]);
  });

  test("begins with the users that the keeper knows; steps get the next one in a look of its own", async () => {
    const { rotate, tellUsers, letsIn } = rotationWith();
    const [asked, pod] = [cacheWith(undefined, "a"), podOf(cacheWith(undefined))];
    const begun = await rotate(asked, setOf(asked), [pod]);
    expect(currentUser(begun.cache)).toBe("oras-1");
    expect(begun.cache.status?.auth).toEqual({ user: "oras-1", next: "oras-2", request: "a" });
    expect(begun.againInMs).toBeLessThan(10_000);
    expect(tellUsers.mock.calls).toEqual([
      [{ host: "10.0.0.1:5002", trust: undefined }, keeperToken(key), ["oras-1", "oras-2"]],
    ]);
    expect(letsIn).not.toHaveBeenCalled();
    const done = await rotate(begun.cache, setOf(begun.cache), [pod]);
    expect(letsIn.mock.calls).toEqual([
      [{ host: "10.0.0.1:5000", trust: undefined }, basicOf(key, "oras-2")],
    ]);
    expect(currentUser(done.cache)).toBe("oras-2");
    expect(done.cache.status?.auth?.earlier).toMatchObject([{ user: "oras-1" }]);
    // What it was told is not told again.
    await rotate(done.cache, setOf(done.cache), [pod]);
    expect(tellUsers).toHaveBeenCalledTimes(1);
  });

  const next: Logins = { user: "oras-1", next: "oras-2" };
  const [old, fresh] = [podOf(cacheWith(undefined)), podOf(cacheWith(next), "10.0.0.2")];

  test.each<[string, readonly V1Pod[], Parameters<typeof rotationWith>[0]]>([
    ["a keeper does not answer", [old, fresh], { tellUsers: async () => false }],
    ["a registry does not let the next user in", [old], { letsIn: async () => false }],
    ["one of two does not", [old, fresh], { letsIn: async ({ host }) => host === "10.0.0.2:5000" }],
    ["there is no Pod", [], {}],
    ["a Pod is not ready", [fresh, { ...old, status: {} }], {}],
    ["a Pod ends", [fresh, { ...old, metadata: { ...old.metadata, deletionTimestamp: new Date() } }], {}],
    ["a Pod asks for no password", [podOf(storedCache())], {}],
  ])("waits while %s", async (_, pods, over) => {
    const cache = cacheWith(next);
    const { cache: after, againInMs } = await rotationWith(over).rotate(cache, setOf(cache), pods);
    expect(after.status?.auth).toEqual(next);
    expect(againInMs).toBeLessThan(60_000);
  });

  test("waits for a rollout, which the change of its strategy would stop", async () => {
    const cache = cacheWith(undefined, "a");
    const set = setOf(cache);
    const rolling = { ...set, status: { ...set.status, replicas: 1, updateRevision: "b" } };
    const { rotate } = rotationWith();
    expect((await rotate(cache, rolling, [podOf(cache)])).cache.status?.auth).toBeUndefined();
  });

  test("waits for Pods without a keeper to be replaced", async () => {
    const spec = { secrets: { orasEnv: "chooses-a-storage" } };
    const cache = cacheWith(next, undefined, spec);
    const { rotate, tellUsers } = rotationWith();
    const before = podOf(cacheWith(undefined, undefined, spec));
    expect((await rotate(cache, setOf(cache), [before])).cache.status?.auth).toEqual(next);
    const { cache: done } = await rotate(cache, setOf(cache), [podOf(cache)]);
    expect(currentUser(done)).toBe("oras-2");
    expect(tellUsers).not.toHaveBeenCalled();
  });

  const keeperOf = (pod: V1Pod, of: object, isPodReady = true): V1Pod => {
    const status = { name: names.keeperContainer, image: "", imageID: "", ready: true, restartCount: 0 };
    const { conditions, ...others } = pod.status ?? {};
    return {
      ...pod,
      status: {
        ...others,
        ...(conditions && isPodReady ? { conditions } : {}),
        containerStatuses: [{ ...status, ...of }],
      },
    };
  };
  const running = { running: { startedAt: new Date(past) } };

  test.each<[string, V1Pod]>([
    ["in its Pod", keeperOf(old, { containerID: "containerd://2", restartCount: 1 })],
    ["by a node that counts from 0 after its reboot", keeperOf(old, { containerID: "containerd://2" })],
    [
      "and whose registry is not ready",
      keeperOf(old, { containerID: "containerd://2", state: running }, false),
    ],
  ])(
    "tells a keeper again that was started again, %s, by its Pod's arguments of before",
    async (_, again) => {
      const { rotate, tellUsers } = rotationWith();
      const cache = cacheWith({ user: "oras-2" });
      await rotate(cache, setOf(cache), [keeperOf(old, { containerID: "containerd://1" })]);
      await rotate(cache, setOf(cache), [again]);
      await rotate(cache, setOf(cache), [again]);
      expect(tellUsers).toHaveBeenCalledTimes(2);
      expect(tellUsers).toHaveBeenLastCalledWith(expect.anything(), keeperToken(key), ["oras-2"]);
    },
  );

  test("does not ask a keeper that does not run", async () => {
    const { rotate, tellUsers } = rotationWith();
    const cache = cacheWith({ user: "oras-2" });
    const waiting = keeperOf(old, { state: { waiting: { reason: "CrashLoopBackOff" } } }, false);
    await rotate(cache, setOf(cache), [waiting]);
    expect(tellUsers).not.toHaveBeenCalled();
  });

  test("tells a keeper that does not answer again after a second, then less often", async () => {
    const { rotate } = rotationWith({ tellUsers: async () => false });
    const cache = cacheWith({ user: "oras-2" });
    const waits = [];
    for (let i = 0; i < 8; i++) waits.push((await rotate(cache, setOf(cache), [old])).againInMs ?? 0);
    expect(waits[0]).toBeLessThanOrEqual(2_000);
    expect(waits[7]).toBeGreaterThan(10_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(60_000);
  });

  test("leaves a login valid that a Pod has, and tells when it is not any more", async () => {
    const earlier = [{ user: "oras-1", until: past }];
    const cache = cacheWith({ user: "oras-2", earlier });
    const pods = [podOf(cache)];
    const secret = loginSecretName(place, facts, { user: "oras-1" });
    const { rotate: keeps } = rotationWith({ loginsInUse: () => new Set([secret]) });
    const kept = await keeps(cache, setOf(cache), pods);
    expect(kept.cache.status?.auth?.earlier).toEqual(earlier);
    expect(kept.againInMs).toBeLessThan(3_600_000);
    const { rotate, tellUsers } = rotationWith();
    const { cache: after } = await rotate(cache, setOf(cache), pods);
    expect(after.status?.auth).toEqual({ user: "oras-2" });
    expect(tellUsers.mock.calls).toMatchObject([[{}, expect.any(String), ["oras-2"]]]);
  });

  const moved = { ...facts, clusterDomain: "before.example" };
  test.each<[string, { nodeAddress?: string }, string]>([
    [
      "a nodeAddress that was changed",
      { nodeAddress: "new.example" },
      loginSecretName(place, facts, { user: "oras-1", nodeAddress: "old.example" }),
    ],
    [
      "a nodeAddress that was taken away",
      {},
      loginSecretName(place, facts, { user: "oras-1", nodeAddress: "old.example" }),
    ],
    ["another cluster domain", {}, loginSecretName(place, moved, { user: "oras-1" })],
  ])("keeps a login that a Pod has from a Secret for %s", async (_, spec, secret) => {
    const cache = cacheWith({ user: "oras-2", earlier: [{ user: "oras-1", until: past }] }, undefined, spec);
    const { rotate } = rotationWith({ loginsInUse: () => new Set([secret]) });
    const { cache: after } = await rotate(cache, setOf(cache), [podOf(cache)]);
    expect(after.status?.auth?.earlier).toMatchObject([{ user: "oras-1" }]);
  });

  test.each<[string, string]>([
    ["of another user", loginSecretName(place, facts, { user: "oras-2", nodeAddress: "new.example" })],
    ["of another user, for steps", loginSecretName(place, facts, { user: "oras-2" })],
    ["of another cache", loginSecretName({ ...place, name: "oras-credentials" }, facts, { user: "oras-1" })],
    ["with another purpose", "oras-key-0123456789"],
  ])("ends a login though a Pod has a Secret %s", async (_, secret) => {
    const earlier = [{ user: "oras-1", until: past }];
    const cache = cacheWith({ user: "oras-2", earlier }, undefined, { nodeAddress: "new.example" });
    const { rotate } = rotationWith({ loginsInUse: () => new Set([secret]) });
    const { cache: after } = await rotate(cache, setOf(cache), [podOf(cache)]);
    expect(after.status?.auth?.earlier).toBeUndefined();
  });

  test.each([undefined, "new.example"])(
    "ends a login though a Pod has the Secret of a user that has ended before, as one that waits for its image (nodeAddress %s)",
    async (nodeAddress) => {
      const earlier = [{ user: "oras-2", until: past }];
      const cache = cacheWith({ user: "oras-3", earlier }, undefined, { nodeAddress: "new.example" });
      const secret = loginSecretName(place, facts, { user: "oras-1", nodeAddress });
      const { rotate } = rotationWith({ loginsInUse: () => new Set([secret]) });
      const { cache: after } = await rotate(cache, setOf(cache), [podOf(cache)]);
      expect(after.status?.auth?.earlier).toBeUndefined();
    },
  );
});
