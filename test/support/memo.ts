import { createHash, randomUUID } from "node:crypto";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { createMemos, type MemosSettings } from "../../src/controllers/memos.ts";
import { canonical, sha256 } from "../../src/lineage/canonical.ts";
import type { MemoOutput, Memos, NewMemoEntry } from "../../src/memo/memos.ts";
import { storedCache } from "./cache.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** What a Pod that may push does with a registry, and more. */
export type Pusher = ReturnType<typeof pusherTo>;

/** Whoever may push to a registry and delete from it. */
export function pusherTo(url: string) {
  const ask = async (
    method: string,
    path: string,
    body?: string | Buffer,
    type = "application/octet-stream",
  ) =>
    fetch(new URL(path, url), {
      method,
      ...(body === undefined ? {} : { body }),
      headers: { "content-type": type, accept: `${manifestType}, application/vnd.oci.image.index.v1+json` },
    });
  const asked = async (...request: Parameters<typeof ask>) => {
    const answer = await ask(...request);
    if (!answer.ok) throw new Error(`${request[0]} ${request[1]}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const putBlob = async (repository: string, content: string | Buffer) => {
    const begun = await asked("POST", `/v2/${repository}/blobs/uploads/`);
    const upload = new URL(begun.headers.get("location") ?? "", url);
    upload.searchParams.set("digest", digestOf(content));
    await asked("PUT", upload.pathname + upload.search, content);
    return {
      mediaType: "application/octet-stream",
      digest: digestOf(content),
      size: Buffer.byteLength(content),
    };
  };
  const put = async (repository: string, reference: string, bytes: string | Buffer, type = manifestType) =>
    ask("PUT", `/v2/${repository}/manifests/${reference}`, bytes, type);
  return {
    put,
    putBlob,
    /** Pushes an artifact of some files, and says what it is. */
    push: async (repository: string, tag: string, ...files: (string | Buffer)[]): Promise<MemoOutput> => {
      const config = await putBlob(repository, "{}");
      const layers = [];
      for (const file of files) layers.push(await putBlob(repository, file));
      const text = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers });
      await asked("PUT", `/v2/${repository}/manifests/${tag}`, text, manifestType);
      return { repository, digest: digestOf(text), mediaType: manifestType, size: Buffer.byteLength(text) };
    },
    read: async (repository: string, reference: string) =>
      (await asked("GET", `/v2/${repository}/manifests/${reference}`)).text(),
    /** What a tag has, if it is there. */
    digest: async (repository: string, tag: string) =>
      (await ask("HEAD", `/v2/${repository}/manifests/${tag}`)).headers.get("docker-content-digest") ??
      undefined,
    remove: (repository: string, kind: "manifests" | "blobs", reference: string) =>
      asked("DELETE", `/v2/${repository}/${kind}/${reference}`),
  };
}

/** The digest of bytes, as registries write it. */
export function digestOf(content: string | Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** An OrasCache as stored, with a UID that no other one has. */
export function memoCache(namespace: string, name: string): StoredOrasCache {
  return storedCache({}, { name, namespace, uid: randomUUID() });
}

/** Memoization on a registry, of caches that are nowhere else. */
export function memosOf(
  host: string | undefined,
  store: ReadonlyMap<string, StoredOrasCache>,
  over: Partial<MemosSettings> = {},
  now: () => number = Date.now,
): Memos {
  const access = host === undefined ? undefined : { peer: { host }, authorization: undefined };
  return createMemos({
    client: { now } as MemosSettings["client"],
    caches: { store },
    operatorKey: "secret",
    signal: new AbortController().signal,
    publish: () => {},
    accessTo: () => Promise.resolve(access),
    ...over,
  });
}

/** An entry that is to be written, of a step whose key is made from one word. */
export function newEntry(
  word: string,
  output: Pick<MemoOutput, "repository" | "digest">,
  tag = "v1",
): NewMemoEntry {
  const parts = canonical({ format: 1, extra: word });
  const by = { kind: "Job", name: "made-it", uid: randomUUID(), pod: "made-it-x" };
  return { key: sha256(parts), parts, output, by, tag };
}
