import { readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { latestTag } from "../../src/memo/entry.ts";
import type { Found, MemoEntry, Memos, NewMemoEntry } from "../../src/memo/memos.ts";
import { type MemoState, withoutAny, withoutKeys } from "../../src/memo/state.ts";
import { digestOf, memoCache, memosOf, newEntry, type Pusher, pusherTo } from "../support/memo.ts";
import { freePort } from "../support/ports.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { startRegistryProxy } from "../support/registry-proxy.ts";

const memo = names.memoRepository;
const indexType = "application/vnd.oci.image.index.v1+json";
const long = { before: undefined, deadline: Number.POSITIVE_INFINITY };

let registry: TestRegistry;
let pusher: Pusher;
const store = new Map<string, StoredOrasCache>();
let memos: Memos;
let count = 0;

beforeAll(async () => {
  registry = await startRegistry({ environment: { REGISTRY_STORAGE_DELETE_ENABLED: "true" } });
  pusher = pusherTo(registry.url);
  for (const [namespace, name] of [
    ["work", "oras"],
    ["work", "other"],
    ["elsewhere", "oras"],
  ] as const)
    store.set(`${namespace}/${name}`, memoCache(namespace, name));
  memos = memosOf(registry.host, store);
});
afterAll(() => registry.stop());

/** What a step has pushed, and the operator has written of it. */
async function remembered(cache = "work/oras"): Promise<NewMemoEntry> {
  const word = `step ${++count}`;
  const entry = newEntry(word, await pusher.push(`results/${count}`, "v1", word, `${word} again`));
  await memos.write(cache, entry);
  expect(await memos.find(cache, entry.key)).toMatchObject({ kind: "hit", entry: { key: entry.key } });
  return entry;
}

const find = (entry: NewMemoEntry, cache = "work/oras") => memos.find(cache, entry.key);

const miss = (because: RegExp): Found => ({
  kind: "miss",
  because: expect.stringMatching(because) as string,
});

/** What an entry says, and the operator's signature of it. */
async function annotationsOf(entry: NewMemoEntry): Promise<Record<string, string>> {
  const { annotations } = JSON.parse(await pusher.read(memo, entry.key)) as {
    annotations: Record<string, string>;
  };
  return annotations;
}

/** Puts an entry there whose annotations are others. */
async function forge(entry: NewMemoEntry, change: (annotations: Record<string, string>) => object) {
  const manifest = JSON.parse(await pusher.read(memo, entry.key)) as { annotations: Record<string, string> };
  const forged = { ...manifest, annotations: change(manifest.annotations) };
  const answer = await pusher.put(memo, entry.key, JSON.stringify(forged));
  expect(answer.status).toBe(201);
}

describe("who may push to the registry makes no hit", () => {
  test("with an entry that nobody signed, or that says something else", async () => {
    const entry = await remembered();
    const poison = await pusher.push("results/poison", "v1", "poison");
    const said = { key: entry.key, output: poison, by: entry.by, at: new Date().toISOString() };
    await forge(entry, () => ({}));
    expect(await find(entry)).toEqual(miss(/was not written by the operator/));
    await memos.write("work/oras", entry);
    await forge(entry, () => ({
      [names.memoAnnotation]: JSON.stringify({ format: 1, epoch: 0, times: 0, ...said }),
    }));
    expect(await find(entry)).toEqual(miss(/was not written by the operator/));
    await memos.write("work/oras", entry);
    await forge(entry, (annotations) => ({
      ...annotations,
      [names.memoAnnotation]: (annotations[names.memoAnnotation] ?? "").replace(
        entry.output.digest,
        poison.digest,
      ),
    }));
    expect(await find(entry)).toEqual(miss(/was not written by the operator/));
  });

  test("with the entry of another step under this one's tag", async () => {
    const [entry, other] = [await remembered(), await remembered()];
    await pusher.put(memo, entry.key, await pusher.read(memo, other.key));
    expect(await find(entry)).toEqual(miss(/is that of another step/));
    expect(await find(other)).toMatchObject({ kind: "hit" });
  });

  test.each([
    ["another namespace", "elsewhere/oras"],
    ["another cache", "work/other"],
  ])("with an entry of %s, whose registry is the same", async (_, cache) => {
    const entry = await remembered(cache);
    expect(await find(entry)).toEqual(miss(/was not written by the operator/));
  });

  test("with an entry of a cache of this name that was deleted", async () => {
    const before = store.get("work/oras");
    const entry = await remembered();
    store.set("work/oras", memoCache("work", "oras"));
    expect(await find(entry)).toEqual(miss(/was not written by the operator/));
    store.set("work/oras", before as StoredOrasCache);
  });

  test("with an entry that another installation has signed", async () => {
    const entry = await remembered();
    await memosOf(registry.host, store, { operatorKey: "another" }).write("work/oras", entry);
    expect(await find(entry)).toEqual(miss(/was not written by the operator/));
  });

  test.each([
    ["its key", (state: undefined, key: string) => withoutKeys(state, [key])],
    ["everything", withoutAny],
  ] as const)("with an old entry put back after %s was forgotten", async (_, forget) => {
    const before = store.get("work/oras") as StoredOrasCache;
    const entry = await remembered();
    const old = await pusher.read(memo, entry.key);
    store.set("work/oras", { ...before, status: { ...before.status, memo: forget(undefined, entry.key) } });
    expect(await find(entry)).toEqual(miss(/its result was forgotten/));
    const newer = { ...entry, output: await pusher.push("results/newer", "v1", `newer ${count}`) };
    await memos.write("work/oras", newer);
    expect(await find(entry)).toMatchObject({ kind: "hit", entry: { output: newer.output } });
    await pusher.put(memo, entry.key, old);
    expect(await find(entry)).toEqual(miss(/its result was forgotten/));
    expect(
      await memos.retag("work/oras", { ...entry, output: newer.output, at: "" }, at(entry), long),
    ).toEqual({
      kind: "gone",
      because: "its result was forgotten",
    });
    store.set("work/oras", before);
  });

  test("with garbage, an index, nothing, or what is too long", async () => {
    const entry = await remembered();
    const manifest = JSON.parse(await pusher.read(memo, entry.key)) as Record<string, unknown>;
    const { config } = manifest as { config: object };
    const one = { mediaType: "application/vnd.oci.image.manifest.v1+json", config, layers: [] };
    const hostile: [string | Buffer, string?][] = [
      [JSON.stringify({ schemaVersion: 2, ...one, annotations: null })],
      [JSON.stringify({ schemaVersion: 2, ...one, annotations: { [names.memoAnnotation]: "null" } })],
      [JSON.stringify({ schemaVersion: 2, ...one, annotations: { a: "b".repeat(3_000_000) } })],
      [JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [] }), indexType],
      [`${JSON.stringify(manifest)} `],
    ];
    let accepted = 0;
    for (const [bytes, type] of hostile) {
      const { ok } = await pusher.put(memo, entry.key, bytes, type);
      if (!ok) continue;
      accepted++;
      expect(await find(entry)).toMatchObject({ kind: "miss" });
    }
    expect(accepted).toBeGreaterThan(3);
    await pusher.remove(memo, "manifests", entry.key);
    expect(await find(entry)).toEqual(miss(/nothing is remembered/));
  });

  test("with what the key is made from taken away", async () => {
    const entry = await remembered();
    await pusher.remove(memo, "blobs", `sha256:${entry.key}`);
    expect(await find(entry)).toEqual(miss(/is not there any more/));
  });
});

describe("a result that is not whole is no hit", () => {
  test("a tag that moved changes nothing: the digest counts", async () => {
    const entry = await remembered();
    const moved = await pusher.push(entry.output.repository, "v1", "something else");
    expect(moved.digest).not.toBe(entry.output.digest);
    expect(await find(entry)).toMatchObject({ kind: "hit", entry: { output: entry.output } });
  });

  test("without its manifest", async () => {
    const entry = await remembered();
    await pusher.remove(entry.output.repository, "manifests", entry.output.digest);
    expect(await find(entry)).toEqual(miss(/its manifest .* is not in results/));
    expect(await memos.retag("work/oras", await asWritten(entry), at(entry), long)).toMatchObject({
      kind: "gone",
    });
  });

  test("without one of its blobs, by its link or by its data, or with another size of it", async () => {
    for (const take of [
      (entry: NewMemoEntry, digest: string) => pusher.remove(entry.output.repository, "blobs", digest),
      (_: NewMemoEntry, digest: string) => rmSync(dataOf(digest)),
      (_: NewMemoEntry, digest: string) => truncateSync(dataOf(digest), 1),
    ]) {
      const entry = await remembered();
      await take(entry, digestOf(`step ${count} again`));
      expect(await find(entry)).toEqual(miss(/its blob .* is not in results/));
      expect(await memos.retag("work/oras", await asWritten(entry), at(entry), long)).toMatchObject({
        kind: "gone",
      });
    }
  });

  test("an index without one of its parts, or without a blob of one", async () => {
    for (const kind of ["manifests", "blobs"] as const) {
      const word = `part ${++count}`;
      const part = await pusher.push(`indexes/${count}`, "part", word);
      const { repository, ...descriptor } = part;
      const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [descriptor] });
      expect((await pusher.put(repository, "v1", index, indexType)).status).toBe(201);
      const entry = newEntry(word, { repository, digest: digestOf(index) });
      await memos.write("work/oras", entry);
      expect(await find(entry)).toMatchObject({ kind: "hit" });
      await pusher.remove(repository, kind, kind === "blobs" ? digestOf(word) : part.digest);
      expect(await find(entry)).toEqual(miss(kind === "blobs" ? /its blob/ : /its part/));
    }
  });

  test("an index of indexes, and one that says another size of what is in it", async () => {
    const { repository, ...part } = await pusher.push("indexes/deep", "part", "deep");
    const { size } = part;
    for (const [manifests, because] of [
      [[{ ...part, size: size + 1 }], /its part/],
      [[{ ...part, size: 2 ** 40 }], /have more than/],
      [[{ ...part, size: size - 1 }], /answers with more than/],
      [[{ ...part, size: -1 }], /none that the operator knows/],
      [[{ ...part, digest: 1 }], /none that the operator knows/],
    ] as const) {
      const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
      if (!(await pusher.put(repository, "v1", index, indexType)).ok) continue;
      const entry = newEntry(`deep ${++count}`, { repository, digest: digestOf(index) });
      await memos.write("work/oras", entry);
      expect(await find(entry)).toEqual(miss(because));
    }
    const inner = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [part] });
    await pusher.put(repository, "inner", inner, indexType);
    const child = { mediaType: indexType, digest: digestOf(inner), size: inner.length };
    const outer = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [child] });
    await pusher.put(repository, "outer", outer, indexType);
    const entry = newEntry("outer", { repository, digest: digestOf(outer) });
    await memos.write("work/oras", entry);
    expect(await find(entry)).toEqual(miss(/no manifest of files/));
  });
});

describe("a registry of which nothing is known is no hit and no miss", () => {
  test("one that does not answer", async () => {
    const entry = await remembered();
    const closed = memosOf("127.0.0.1:1", store);
    expect(await closed.find("work/oras", entry.key)).toMatchObject({ kind: "unknown" });
    expect(await closed.tagged("work/oras", at(entry))).toMatchObject({ kind: "unknown" });
    expect(await closed.retag("work/oras", await asWritten(entry), at(entry), long)).toMatchObject({
      kind: "unknown",
    });
    expect(await closed.latestOf("work/oras", at(entry))).toBeUndefined();
    await expect(closed.write("work/oras", entry)).rejects.toThrow();
  });

  test.each([401, 403, 429, 500, 503])("one that answers with %s", async (status) => {
    const server = createServer((_, response) => response.writeHead(status).end("no"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const found = await memosOf(host, store).find("work/oras", "a".repeat(64));
    expect(found).toMatchObject({
      kind: "unknown",
      because: expect.stringContaining(String(status)) as string,
    });
    server.close();
  });

  test("one whose Pod is not ready, and a cache that is not there", async () => {
    const entry = await remembered();
    expect(await memosOf(undefined, store).find("work/oras", entry.key)).toMatchObject({ kind: "unknown" });
    expect(await memos.find("work/nowhere", entry.key)).toMatchObject({ kind: "unknown" });
  });

  test("but one that the operator may not ask remembers nothing", async () => {
    const remote = memoCache("work", "remote");
    const spec = { ...remote.spec, deploy: false, registry: "https://registry.example.com" };
    const only = new Map([["work/remote", { ...remote, spec } as StoredOrasCache]]);
    expect(await memosOf(registry.host, only).find("work/remote", "a".repeat(64))).toEqual(miss(/remote/));
  });
});

describe("a result is used again", () => {
  test("with no byte of a blob moved, in its repository and in another one", async () => {
    const entry = await remembered();
    await pusher.push(entry.output.repository, "v1", "what came after it");
    const before = await memos.tagged("work/oras", at(entry));
    const held = "digest" in before ? before.digest : undefined;
    const blobs = allBlobs();
    const written = await asWritten(entry);
    for (const repository of [entry.output.repository, "quite/another"]) {
      const to = { repository, tag: "v1" };
      const limits = { ...long, before: repository === entry.output.repository ? held : undefined };
      expect(await memos.retag("work/oras", written, to, limits)).toEqual({ kind: "done" });
      expect(await pusher.digest(repository, "v1")).toBe(entry.output.digest);
      expect(await memos.retag("work/oras", written, to, limits)).toEqual({ kind: "done" });
      expect(await memos.latestOf("work/oras", to)).toEqual(written);
    }
    expect(allBlobs()).toEqual(blobs);
    const moved = { ...entry, output: { ...entry.output, repository: "quite/another" } };
    await memos.write("work/oras", moved);
    expect(await find(entry)).toMatchObject({ kind: "hit", entry: { output: moved.output } });
  });

  test("an index, too", async () => {
    const { repository, ...part } = await pusher.push("indexes/used", "part", "used");
    const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [part] });
    await pusher.put(repository, "v1", index, indexType);
    const entry = newEntry("an index", { repository, digest: digestOf(index) });
    await memos.write("work/oras", entry);
    const to = { repository: "indexes/again", tag: "v1" };
    expect(await memos.retag("work/oras", await asWritten(entry), to, long)).toEqual({ kind: "done" });
    expect(await pusher.digest(to.repository, "v1")).toBe(entry.output.digest);
    expect(await pusher.digest(to.repository, part.digest)).toBe(part.digest);
  });

  test("not over what somebody has pushed since the claim", async () => {
    const entry = await remembered();
    const written = await asWritten(entry);
    const before = entry.output.digest;
    const { digest } = await pusher.push(entry.output.repository, "v1", "by hand");
    for (const known of [undefined, before, `sha256:${"a".repeat(64)}`]) {
      const limits = { ...long, before: known };
      expect(await memos.retag("work/oras", written, at(entry), limits)).toMatchObject({
        kind: "taken",
        digest,
      });
    }
    expect(await pusher.digest(entry.output.repository, "v1")).toBe(digest);
    expect(await memos.retag("work/oras", written, at(entry), { ...long, before: digest })).toEqual({
      kind: "done",
    });
  });

  test("not if it is forgotten once it was found", async () => {
    const before = store.get("work/oras") as StoredOrasCache;
    const entry = await remembered();
    const found = await asWritten(entry);
    store.set("work/oras", {
      ...before,
      status: { conditions: [], memo: withoutKeys(undefined, [entry.key]) },
    });
    const because = "its result was forgotten";
    expect(await memos.retag("work/oras", found, at(entry), long)).toEqual({ kind: "gone", because });
    store.set("work/oras", before);
  });

  test("without another look where it was found a moment ago, and with one later, or by another process", async () => {
    const asked: string[] = [];
    const port = await freePort();
    const stop = await startRegistryProxy("127.0.0.1", port, registry.url, (method, path, what) => {
      if (what === "request") asked.push(`${method} ${path}`);
      return undefined;
    });
    onTestFinished(stop);
    let time = Date.now();
    const [own, other] = [1, 2].map(() => memosOf(`127.0.0.1:${port}`, store, {}, () => time)) as [
      ...[Memos, Memos],
    ];
    const entry = await remembered();
    const to = at(entry);
    const found = await own.find("work/oras", entry.key);
    const written = (found.kind === "hit" ? found.entry : undefined) as MemoEntry;
    const limits = { ...long, before: entry.output.digest };
    const askedBy = async (who: Memos) => {
      asked.length = 0;
      expect(await who.retag("work/oras", written, to, limits)).toEqual({ kind: "done" });
      return [...asked];
    };
    const path = (repository: string, reference: string) => `/v2/${repository}/manifests/${reference}`;
    const writes = [
      ...[`PUT ${path(memo, entry.key)}`, `HEAD ${path(to.repository, to.tag)}`],
      ...[`PUT ${path(to.repository, to.tag)}`, `PUT ${path(memo, latestTag(to))}`],
    ];
    time += 4_999;
    expect(await askedBy(own)).toEqual(writes);
    // Each of these reads the entry, what its key is made from, the output, and asks for its blobs.
    const reads = [
      ...[path(memo, entry.key), `/v2/${memo}/blobs/sha256:${entry.key}`],
      path(to.repository, entry.output.digest),
    ].map((one) => `GET ${one}`);
    const looks = [...reads, expect.stringMatching(/^HEAD .*\/blobs\//) as string];
    expect(await askedBy(other)).toEqual(expect.arrayContaining(looks));
    time += 1;
    expect(await askedBy(own)).toEqual(expect.arrayContaining(looks));
  });

  test("not if it is gone some seconds after it was found", async () => {
    let time = Date.now();
    const slow = memosOf(registry.host, store, {}, () => time);
    const entry = await remembered();
    const found = await slow.find("work/oras", entry.key);
    await pusher.remove(entry.output.repository, "manifests", entry.output.digest);
    time += 10_000;
    const written = found.kind === "hit" ? found.entry : undefined;
    expect(await slow.retag("work/oras", written as MemoEntry, at(entry), long)).toMatchObject({
      kind: "gone",
    });
  });

  test("not once the Lease has ended", async () => {
    const entry = await remembered();
    const written = await asWritten(entry);
    const { digest } = await pusher.push(entry.output.repository, "v1", "before the end");
    // The time that passes is that of the registry's answers.
    let time = 0;
    const slow = memosOf(registry.host, store, {}, () => time++);
    for (let deadline = 0; deadline < 5; deadline++) {
      time = 0;
      const limits = { before: digest, deadline };
      expect(await slow.retag("work/oras", written, at(entry), limits)).toMatchObject({ kind: "unknown" });
    }
    expect(await pusher.digest(entry.output.repository, "v1")).toBe(digest);
  });

  test("and the last entry of an output with the run in its name is that of the run before", async () => {
    const repository = "results/of-runs";
    const written = `${repository}:$(RUN)`;
    const push = async (run: string, word: string) => {
      const entry = newEntry(word, await pusher.push(repository, run, word), run);
      await memos.write("work/oras", { ...entry, written, by: { ...entry.by, run } });
      return entry;
    };
    const one = await push("one", "what one did");
    const two = await push("two", "what two did");
    expect(await find(two)).toMatchObject({ entry: { before: one.key, by: { run: "two" } } });
    const last = (tag: string) => memos.latestOf("work/oras", { repository, tag, written });
    expect(await last("three")).toMatchObject({ key: two.key, by: { run: "two" } });
    // That of its own tag counts before, and steps are forgotten by it alone.
    expect(await last("one")).toMatchObject({ key: one.key });
    expect(await memos.latestKeys("work/oras", [{ repository, tag: "three", written }])).toEqual([]);
    expect(await memos.latestOf("work/oras", { repository, tag: "three" })).toBeUndefined();
    // The third run takes the result of the first one.
    const found = await find(one);
    const entry = (found.kind === "hit" ? found.entry : undefined) as MemoEntry;
    const to = { repository, tag: "three", written };
    expect(await memos.retag("work/oras", entry, to, long)).toEqual({ kind: "done" });
    expect(await last("four")).toMatchObject({ key: one.key });
  });

  test("and stays, where it is taken, when the list of what was forgotten is full", async () => {
    const before = store.get("work/oras") as StoredOrasCache;
    onTestFinished(() => void store.set("work/oras", before));
    const [taken, left] = [await remembered(), await remembered()];
    let memo: MemoState | undefined;
    const forget = (count: number) => {
      for (let i = 0; i < count; i++) memo = withoutKeys(memo, [digestOf(`${memo?.epoch}`).slice(7)]);
      store.set("work/oras", { ...before, status: { conditions: [], ...(memo && { memo }) } });
    };
    forget(10);
    const first = await pusher.digest(names.memoRepository, taken.key);
    const take = async () => {
      const found = await find(taken);
      const entry = (found.kind === "hit" ? found.entry : undefined) as MemoEntry;
      const limits = { ...long, before: taken.output.digest };
      expect(await memos.retag("work/oras", entry, at(taken), limits)).toEqual({ kind: "done" });
      return entry;
    };
    const entry = await take();
    expect(await pusher.digest(names.memoRepository, taken.key)).toBe(first);
    forget(3_000);
    await take();
    expect(await pusher.digest(names.memoRepository, taken.key)).not.toBe(first);
    forget(1_000);
    expect(memo?.forgottenBefore).toBeGreaterThan(0);
    expect(await find(taken)).toEqual({ kind: "hit", entry });
    expect(await find(left)).toEqual(miss(/its result was forgotten/));
  });

  test("if it is not older than it may be", async () => {
    const entry = await remembered();
    const later = memosOf(registry.host, store, {}, () => Date.now() + 60_000);
    expect(await later.find("work/oras", entry.key, { maxAgeSeconds: 3_600 })).toMatchObject({ kind: "hit" });
    expect(await later.find("work/oras", entry.key, { maxAgeSeconds: 30 })).toEqual(
      miss(/older than it may be/),
    );
  });

  test("and the last entry of an output stays that of what its tag has, whoever comes late", async () => {
    const to = { repository: "results/in-turn", tag: "v1" };
    const push = async (word: string) => newEntry(word, await pusher.push(to.repository, to.tag, word));
    const early = await push("early");
    const late = await push("late");
    await memos.write("work/oras", late);
    await memos.write("work/oras", early);
    const last = async () => (await memos.latestOf("work/oras", to))?.key;
    expect(await last()).toBe(late.key);
    // Its entry is there all the same, and says nothing of one before it.
    const found = await find(early);
    expect(found).toMatchObject({ kind: "hit" });
    const result = (found as { entry: MemoEntry }).entry;
    expect(result.before).toBeUndefined();
    // A tag that somebody has pushed to since the claim is left alone, and so is what is known of it.
    const limits = { ...long, before: early.output.digest };
    expect(await memos.retag("work/oras", result, to, limits)).toMatchObject({ kind: "taken" });
    expect(await last()).toBe(late.key);
    expect(await memos.retag("work/oras", result, to, { ...long, before: late.output.digest })).toEqual({
      kind: "done",
    });
    expect(await last()).toBe(early.key);
    const next = await push("next");
    await memos.write("work/oras", next);
    expect(await memos.latestOf("work/oras", to)).toMatchObject({ key: next.key, before: early.key });
  });

  test("and the last entry of an output is found by where it was pushed", async () => {
    const entry = await remembered();
    expect(await memos.latestOf("work/oras", at(entry))).toEqual(await asWritten(entry));
    const next = newEntry(`another ${count}`, entry.output);
    await memos.write("work/oras", next);
    expect(await memos.latestOf("work/oras", at(entry))).toMatchObject({ key: next.key, parts: next.parts });
    expect(await find(entry)).toMatchObject({ kind: "hit" });
    await pusher.put(memo, latestTag(at(entry)), JSON.stringify({ schemaVersion: 2, annotations: {} }));
    expect(await memos.latestOf("work/oras", { repository: "results/never", tag: "v1" })).toBeUndefined();
  });
});

test("an entry of a manifest that is not there is not written", async () => {
  const entry = newEntry("never", { repository: "results/never", digest: digestOf("never") });
  await expect(memos.write("work/oras", entry)).rejects.toThrow(/is not in results\/never/);
});

test("an entry of a password says nothing that the key's parts do not", async () => {
  const annotations = await annotationsOf(await remembered());
  expect(Object.keys(annotations)).toEqual([names.memoAnnotation, names.memoSignatureAnnotation]);
  expect(Object.keys(JSON.parse(annotations[names.memoAnnotation] ?? "") as object)).toEqual([
    "at",
    "by",
    "epoch",
    "format",
    "key",
    "output",
  ]);
});

function at({ output, tag }: NewMemoEntry) {
  return { repository: output.repository, tag };
}

/** The entry as it would be found if it were whole. */
async function asWritten(entry: NewMemoEntry) {
  const latest = await memos.latestOf("work/oras", at(entry));
  if (latest === undefined) throw new Error("the entry is gone");
  return latest;
}

function dataOf(digest: string): string {
  const hex = digest.slice("sha256:".length);
  return join(registry.data, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
}

/** Each blob's data, and when it was written. Manifests are among them. */
function allBlobs(): [string, number][] {
  const folder = join(registry.data, "docker/registry/v2/blobs");
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile())
    .map((found) => join(found.parentPath, found.name))
    .map((path): [string, number] => [path, statSync(path).size])
    .sort();
}
