import { expect } from "vitest";
import type { OrasCacheStatus, StoredOrasCache } from "../../src/cache/types.ts";
import { createMemos } from "../../src/controllers/memos.ts";
import { writeStatus } from "../../src/controllers/write-status.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { get } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { shortKey } from "../../src/memo/short-key.ts";
import { type MemoState, withoutKeys } from "../../src/memo/state.ts";
import { cacheOf } from "../support/builders.ts";
import { adminClient } from "../support/installation.ts";
import { test as base } from "../support/integration.ts";
import { objectsIn } from "../support/objects-in.ts";

// With the rights that the operator has where it is installed.
const test = base.extend("client", { scope: "file" }, async ({ plane, installed: _ }, { onCleanup }) => {
  const client = await adminClient({ kubeconfig: plane.operatorKubeconfig });
  onCleanup(client.close);
  return client;
});
const [a, b] = ["a".repeat(64), "b".repeat(64)];

async function cacheIn(admin: KubeClient, namespace: string) {
  const ns = await objectsIn(admin, namespace);
  await ns.create(resources.orasCaches, cacheOf("oras"));
  const read = async () =>
    (await get<StoredOrasCache>(admin, resources.orasCaches, { namespace, name: "oras" })) as StoredOrasCache;
  const store = new Map([[`${namespace}/oras`, await read()]]);
  const look = async () => void store.set(`${namespace}/oras`, await read());
  return { key: `${namespace}/oras`, ns, read, store, look };
}

const memosWith = (client: KubeClient, store: Map<string, StoredOrasCache>, told: string[] = []) =>
  createMemos({
    ...{ client, caches: { store }, operatorKey: "secret", signal: new AbortController().signal },
    publish: ({ metadata }, { type, reason, note }) =>
      void told.push(`${metadata?.name} ${type} ${reason} ${note}`),
    accessTo: () => Promise.resolve(undefined),
  });

test("what is forgotten stands in the status, also where many are forgotten at once and the mirror is behind", async ({
  installed,
  client,
}) => {
  const { key, read, store } = await cacheIn(installed, "memo-forget");
  const memos = memosWith(client, store);
  await Promise.all([memos.forget(key, b), memos.forget(key, a), memos.forget(key, b)]);
  const forgotten = [
    { epoch: 2, keys: shortKey(a) },
    { epoch: 3, keys: shortKey(b) },
  ];
  expect((await read()).status?.memo).toEqual({ epoch: 3, forgotten });
  const answer = { request: "all 1", done: true, message: "Forgot all results of the OrasCache." };
  expect(await memos.answer(key, "all 1", { kind: "all" })).toEqual(answer);
  // Asked again before the mirror has the answer, it is the same request.
  expect(await memos.answer(key, "all 1", { kind: "all" })).toEqual(answer);
  await memos.forget(key, a);
  expect((await read()).status?.memo).toEqual({
    answers: [answer],
    epoch: 5,
    forgottenBefore: 4,
    forgotten: [{ epoch: 5, keys: shortKey(a) }],
  });
});

test("who writes the rest of the status, from however old a look, leaves it as it is", async ({
  installed,
  client,
}) => {
  const { key, read, store } = await cacheIn(installed, "memo-status");
  const before = await read();
  const memos = memosWith(client, store);
  const status: OrasCacheStatus = { observedGeneration: 1, conditions: [] };
  await writeStatus(client, before, status);
  await memos.forget(key, a);
  const memo = { epoch: 1, forgotten: [{ epoch: 1, keys: shortKey(a) }] };
  for (const old of [status, { ...status, memo: { epoch: 0 } }]) {
    await writeStatus(client, before, { ...old, replicas: 1 });
    await writeStatus(client, before, old);
    const now = (await read()).status;
    expect(now?.memo).toEqual(memo);
    expect(now).not.toHaveProperty("replicas");
  }
  await memos.forget(key, b);
  expect((await read()).status?.memo?.forgotten).toHaveLength(2);
});

test("another replica does not write over what it has not seen, and does once it has", async ({
  installed,
  client,
}) => {
  const { key, read, store, look } = await cacheIn(installed, "memo-leaders");
  const other = memosWith(client, new Map(store));
  await other.forget(key, a);
  const memos = memosWith(client, store);
  await expect(memos.forget(key, b)).rejects.toThrow();
  await look();
  await memos.forget(key, b);
  await expect(other.forget(key, a)).rejects.toThrow();
  expect((await read()).status?.memo?.forgotten?.map(({ keys }) => keys)).toEqual([a, b].map(shortKey));
});

test("what somebody takes out of the status comes back with the next key", async ({ installed, client }) => {
  const { key, ns, read, store, look } = await cacheIn(installed, "memo-taken");
  const memos = memosWith(client, store);
  await memos.forget(key, a);
  await ns.patchStatus(resources.orasCaches, "oras", { memo: null });
  await look();
  await memos.forget(key, b);
  expect((await read()).status?.memo?.forgotten).toHaveLength(2);
});

test("an Event says where more went than was asked for, as the list was full", async ({
  installed,
  client,
}) => {
  const { key, ns, read, store, look } = await cacheIn(installed, "memo-full");
  let memo: MemoState | undefined;
  for (let i = 0; i < 3_636; i++) memo = withoutKeys(memo, [`${i}`.padStart(12, "0")]);
  expect(memo?.forgottenBefore).toBeUndefined();
  await ns.patchStatus(resources.orasCaches, "oras", { memo });
  await look();
  const told: string[] = [];
  const memos = memosWith(client, store, told);
  await memos.forget(key, a);
  const { epoch = 0, forgottenBefore = 0 } = (await read()).status?.memo ?? {};
  expect(epoch).toBe(3_637);
  expect(forgottenBefore).toBeGreaterThan(0);
  expect(told).toEqual([
    expect.stringMatching(
      new RegExp(`^oras Warning OldestForgotten .*before the last ${3_638 - forgottenBefore} of 3637 times`),
    ),
  ]);
  await memos.forget(key, b);
  expect(told).toHaveLength(1);
});

test("the same Event says it where a request for many keys did that, once", async ({ installed, client }) => {
  const { key, read, store, look } = await cacheIn(installed, "memo-many");
  const told: string[] = [];
  const memos = memosWith(client, store, told);
  const many = (from: number) =>
    Array.from({ length: 9_000 }, (_, i) => `${from + i}`.padStart(12, "0").padEnd(64, "0"));
  const ask = async (id: string, from: number) => {
    await look();
    return memos.answer(key, id, { kind: "keys", steps: [{ id, keys: many(from) }] });
  };
  await ask("job/a 1", 0);
  expect(told).toEqual([]);
  const { message } = await ask("job/b 1", 9_000);
  await ask("job/b 1", 9_000);
  expect((await read()).status?.memo?.forgottenBefore).toBe(1);
  expect(told).toEqual([
    expect.stringMatching(/^oras Warning OldestForgotten .*before the last 2 of 2 times/),
  ]);
  expect(message).toContain("before the last 2 of 2 times");
});

test("a cache that was made anew under its name is another one", async ({ installed, client }) => {
  const { key, ns, read, store } = await cacheIn(installed, "memo-anew");
  const memos = memosWith(client, store);
  await ns.remove(resources.orasCaches, "oras");
  await ns.create(resources.orasCaches, cacheOf("oras"));
  await expect(memos.forget(key, a)).rejects.toThrow();
  expect((await read()).status?.memo).toBeUndefined();
});
