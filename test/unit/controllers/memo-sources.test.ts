import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, type TestContext } from "vitest";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { createRemoteTurns } from "../../../src/controllers/heads.ts";
import { bytesOfFiles, createInputReader } from "../../../src/controllers/memo-sources.ts";
import type { RegistryAccess } from "../../../src/controllers/trust.ts";
import { digestOf } from "../../../src/registry/blobs.ts";
import { createMemory } from "../../../src/registry/memory.ts";
import type { RemoteManifest } from "../../../src/registry/remote-head.ts";
import { digest } from "../../support/keys.ts";

const titleKey = "org.opencontainers.image.title";
const filesOf = (count: number) => ({
  files: Array.from({ length: count }, (_, at) => ({
    title: `file-${at}`,
    digest: digest("a"),
    marks: digest("b"),
  })),
});

it("what is remembered of inputs is counted by their files", () => {
  const one = bytesOfFiles(filesOf(1));
  expect(bytesOfFiles({ files: undefined })).toBeGreaterThan(0);
  expect(bytesOfFiles(filesOf(10_000))).toBeGreaterThan(5_000 * one);
});

it("many artifacts of many files are not all remembered, and those of one namespace push no other's out", () => {
  const known = createMemory(4 * 2 ** 20, 4, bytesOfFiles);
  known.set("other", filesOf(1), "other");
  for (let at = 0; at < 50; at++) known.set(`${at}`, filesOf(1_000), "work");
  const left = Array.from({ length: 50 }, (_, at) => known.get(`${at}`)).filter(Boolean);
  expect(left.length).toBeLessThan(5);
  expect(left.length).toBeGreaterThan(0);
  expect(known.get("other")).toBeDefined();
});

describe("an input in a remote registry", () => {
  const bytes = Buffer.from(
    JSON.stringify({ layers: [{ digest: digest("a"), annotations: { [titleKey]: "f" } }] }),
  );
  const artifact = { registry: "https://ghcr.io", repository: "a/b", version: ":1" };
  const by = (secret: string) => ({ ...artifact, login: { secret, registries: [] } });
  type Answer = RemoteManifest | undefined;
  const reading = (answer: Answer | ((digest: string) => Answer)) => {
    const state = { asked: 0, ms: 100_000 };
    const read = createInputReader({
      caches: { store: new Map() as never },
      signal: AbortSignal.timeout(10_000),
      accessTo: () => Promise.reject(new Error("it is not in a cache")),
      remote: {
        urlOf: (_, { registry }) => registry,
        manifest: (_namespace, _artifact, asked) => {
          state.asked++;
          return Promise.resolve(typeof answer === "function" ? answer(asked) : answer);
        },
        turns: createRemoteTurns(() => state.ms),
      },
    });
    return { state, read };
  };

  it("is read once of a login", async () => {
    const { state, read } = reading({ bytes });
    for (const one of [artifact, artifact, by("one"), by("one"), by("other")])
      expect((await read("ns", one, digest("m")))?.map(({ title }) => title)).toEqual(["f"]);
    expect(state.asked).toBe(3);
    await read("elsewhere", artifact, digest("m"));
    expect(state.asked).toBe(4);
  });

  it("takes its turn among all that is asked of the registry", async () => {
    const { state, read } = reading({ bytes });
    const ask = (count: number) =>
      Promise.allSettled(
        Array.from({ length: count }, (_, i) => read("ns", artifact, `sha256:${state.ms}-${i}`)),
      );
    expect((await ask(30)).filter(({ status }) => status === "fulfilled")).toHaveLength(20);
    state.ms += 1_000;
    expect((await ask(30)).filter(({ status }) => status === "fulfilled")).toHaveLength(2);
  });

  it("is not asked for while its registry wants that", async () => {
    const { state, read } = reading({ unknown: "busy", stopMs: 30_000 });
    for (let i = 0; i < 3; i++) await expect(read("ns", artifact, digest("m"))).rejects.toThrow();
    expect(state.asked).toBe(1);
    state.ms += 31_000;
    await expect(read("ns", artifact, digest("m"))).rejects.toThrow("busy");
    expect(state.asked).toBe(2);
  });

  const json = (value: object) => Buffer.from(JSON.stringify(value));
  /** An index of files f0, f1, …, and a reader of the registry that has it. */
  const indexOf = (count: number) => {
    const parts = Array.from({ length: count }, (_, i) =>
      json({ layers: [{ digest: digest("a"), annotations: { [titleKey]: `f${i}` } }] }),
    );
    const top = json({ manifests: parts.map((part) => ({ digest: digestOf(part) })) });
    const held = new Map([top, ...parts].map((bytes) => [digestOf(bytes), bytes]));
    const { state, read } = reading((one) => ({ bytes: held.get(one) ?? Buffer.from("") }));
    return { state, read: () => read("ns", artifact, digestOf(top)) };
  };

  it("that is an index is read on where its turns ended, and each part of it once", async () => {
    const { state, read } = indexOf(30);
    await expect(read()).rejects.toThrow("asked for many others first");
    expect(state.asked).toBe(20);
    const tries = [];
    for (; tries.length < 60 && state.asked < 31; state.ms += 1_000)
      tries.push(await read().catch(() => undefined));
    expect(tries.at(-1)?.map(({ title }) => title)).toEqual(Array.from({ length: 30 }, (_, i) => `f${i}`));
    await read();
    expect(state.asked).toBe(31);
  });

  it("that is an index is read once for several that want it at the same time", async () => {
    const { state, read } = indexOf(10);
    const found = await Promise.all(Array.from({ length: 5 }, read));
    expect(found.map((files) => files?.length)).toEqual([10, 10, 10, 10, 10]);
    expect(state.asked).toBe(11);
  });

  it("that is an index of the most parts is read within a minute, and one of more is not begun", async () => {
    const all = indexOf(100);
    const until = all.state.ms + 60_000;
    let files: unknown;
    for (; all.state.ms < until && files === undefined; all.state.ms += 1_000)
      files = await all.read().catch(() => undefined);
    expect(files).toHaveLength(100);
    const more = indexOf(101);
    for (let i = 0; i < 3; i++) expect(await more.read()).toBeUndefined();
    expect(more.state.asked).toBe(1);
  });

  it.each<[RemoteManifest | undefined, RegExp]>([
    [undefined, /not shown/],
    [{ refused: "x" }, /not shown/],
    [{ denied: "login" }, /not shown/],
    [{ missing: true }, /not in the registry/],
  ])("is not known where it is answered with %j", async (answer, words) => {
    await expect(reading(answer).read("ns", artifact, digest("m"))).rejects.toThrow(words);
  });

  it("is no reason to wait where it is too long to be read", async () => {
    expect(await reading({ tooLong: true }).read("ns", artifact, digest("m"))).toBeUndefined();
  });
});

describe("an input that is an index", () => {
  const cache = { metadata: { name: "oras", namespace: "work", uid: "u" } } as StoredOrasCache;
  const artifact = { registry: "cache oras", repository: "parts", version: ":all" };
  const json = (value: object) => Buffer.from(JSON.stringify(value));
  const part = (title: string) =>
    json({ schemaVersion: 2, layers: [{ digest: digest("a"), annotations: { [titleKey]: title } }] });
  const index = (...parts: Buffer[]) => json({ manifests: parts.map((one) => ({ digest: digestOf(one) })) });
  /** What is read of an index, in a registry that has these manifests, and how often it is asked. */
  const read = async (onTestFinished: TestContext["onTestFinished"], top: Buffer, ...held: Buffer[]) => {
    const manifests = new Map([top, ...held].map((bytes) => [digestOf(bytes), bytes]));
    const asked: string[] = [];
    const server = createServer(({ url = "" }, response) => {
      asked.push(url);
      const bytes = manifests.get(url.slice("/v2/parts/manifests/".length));
      response.writeHead(bytes ? 200 : 404).end(bytes);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const access = { peer: { host: `127.0.0.1:${port}` }, authorization: undefined } as RegistryAccess;
    const reader = createInputReader({
      caches: { store: new Map([["work/oras", cache]]) as never },
      signal: AbortSignal.timeout(10_000),
      accessTo: () => Promise.resolve(access),
      remote: {
        urlOf: () => undefined,
        manifest: () => Promise.resolve(undefined),
        turns: createRemoteTurns(),
      },
    });
    const files = await reader("work", artifact, digestOf(top));
    return { titles: files?.map(({ title }) => title), asked: asked.length };
  };

  it("has the files of its parts in order, each of which is read once", async ({ onTestFinished }) => {
    const [a, b] = [part("a"), part("b")];
    expect(await read(onTestFinished, index(b, a, b), a, b)).toEqual({ titles: ["b", "a", "b"], asked: 3 });
  });

  it("is not known where it lists another index", async ({ onTestFinished }) => {
    const inner = index(part("a"));
    expect((await read(onTestFinished, index(inner), inner)).titles).toBeUndefined();
  });

  it("is looked at again where a part is not there", async ({ onTestFinished }) => {
    await expect(read(onTestFinished, index(part("a")))).rejects.toThrow(/is not in the registry/);
  });
});
