import type { StoredOrasCache } from "../cache/types.ts";
import type { Reflector } from "../kube/reflector.ts";
import type { InputFile } from "../lineage/step.ts";
import { filesOf, partsOf } from "../memo/content.ts";
import { readManifest } from "../registry/manifests.ts";
import { createMemory } from "../registry/memory.ts";
import type { RemoteManifest } from "../registry/remote-head.ts";
import { type Artifact, cacheOf } from "../workflow/step.ts";
import type { CacheAccess } from "./cache-access.ts";
import type { AskedFor } from "./heads.ts";
import type { KeysSettings } from "./memo-keys.ts";
import type { Turns } from "./turns.ts";

/** What reading the inputs of steps needs. */
interface InputSettings {
  readonly caches: Pick<Reflector<StoredOrasCache>, "store">;
  readonly signal: AbortSignal;
  /** How to ask the registry of a cache; undefined where it is not ready. */
  readonly accessTo: CacheAccess["to"];
  /** Of artifacts in remote registries. */
  readonly remote: RemoteSources;
}

/** How manifests of remote registries are read. */
interface RemoteSources {
  /** The URL of the remote registry that an artifact is in, if it is in one. */
  readonly urlOf: (namespace: string, artifact: AskedFor) => string | undefined;
  /** Undefined where none is asked. */
  readonly manifest: (
    namespace: string,
    artifact: AskedFor,
    digest: string,
  ) => Promise<RemoteManifest | undefined>;
  readonly turns: Turns;
}

/** What a digest names does not change. An artifact can have thousands of files, and a namespace thousands of artifacts. */
const mostBytesRemembered = 32 * 2 ** 20;
/** A namespace gets one of them. */
const parts = 4;
/** As the agent pulls. */
const [mostParts, mostPartBytes] = [10_000, 32 * 2 ** 20];
/** As many as a remote registry can be asked for before a step no longer waits, also while others are asked for: see heads.ts. */
const mostRemoteParts = 100;

/** Of an artifact; undefined where it has none that are known. */
interface Remembered {
  readonly files: readonly InputFile[] | undefined;
  /** Digests of an index whose files are not all known yet. */
  readonly parts?: readonly string[];
  /** Bytes of its manifest. */
  readonly length?: number;
}

/**
 * About how many bytes of memory the files of an artifact take.
 *
 * @param remembered - the files
 */
export function bytesOfFiles({ files = [], parts = [] }: Remembered): number {
  return files.reduce(
    (sum, { title, digest, unpacked = "", marks = "" }) =>
      sum + 2 * title.length + digest.length + unpacked.length + marks.length + 160,
    160 + parts.reduce((sum, digest) => sum + digest.length + 16, 0),
  );
}

/**
 * Reads what is in artifacts.
 *
 * @param settings - see there
 */
export function createInputReader(settings: InputSettings): KeysSettings["filesOf"] {
  const { remote } = settings;
  const known = createMemory<Remembered>(mostBytesRemembered, parts, bytesOfFiles);
  /** Several steps may want the same at the same time. */
  const asking = new Map<string, Promise<Remembered>>();
  return async (namespace, artifact, digest) => {
    const url = remote.urlOf(namespace, artifact);
    const source =
      url === undefined
        ? cacheSource(settings, namespace, artifact)
        : remoteSource(remote, url, namespace, artifact);
    let reader: Promise<Read> | undefined;
    const remember = (one: string, found: Remembered) => {
      known.set(idOf(one), found, namespace);
      return found;
    };
    const idOf = (one: string) => `${source.id} ${artifact.repository} ${one}`;
    const ask = async (one: string) => {
      reader ??= source.reader();
      return remember(one, contentOf(await (await reader)(one), source.mostParts));
    };
    // Each part is remembered: who could not ask for all of them goes on where that ended.
    const look = async (one: string): Promise<Remembered> => {
      const id = idOf(one);
      const found = known.get(id) ?? asking.get(id);
      if (found !== undefined) return found;
      const answer = ask(one).finally(() => asking.delete(id));
      asking.set(id, answer);
      return answer;
    };
    const top = await look(digest);
    return top.parts === undefined
      ? top.files
      : remember(digest, { files: await filesOfParts(look, top.parts) }).files;
  };
}

/** What a manifest says; undefined is one that is too long. */
function contentOf(manifest: Buffer | undefined, most: number): Remembered {
  if (manifest === undefined) return { files: undefined };
  const files = filesOf(manifest);
  const listed = files === undefined ? partsOf(manifest) : undefined;
  const isRead = listed !== undefined && new Set(listed).size <= most && listed.length <= mostParts;
  return { files, length: manifest.length, ...(isRead && { parts: listed }) };
}

/** Reads a manifest by its digest; undefined for one that is too long. @throws where the registry does not say, or has none */
type Read = (digest: string) => Promise<Buffer | undefined>;

interface Source {
  /** The same where the same is read. */
  readonly id: string;
  readonly reader: () => Promise<Read>;
  /** Of an index with more, none is asked for. */
  readonly mostParts: number;
}

function cacheSource(
  { caches, signal, accessTo }: InputSettings,
  namespace: string,
  artifact: Artifact,
): Source {
  const name = cacheOf(artifact);
  const cache = caches.store.get(`${namespace}/${name}`);
  if (name === undefined || cache === undefined) throw new Error(`there is no OrasCache ${name}`);
  const { repository } = artifact;
  return {
    id: `${cache.metadata?.uid}`,
    mostParts,
    reader: async () => {
      const access = await accessTo(cache);
      if (access === undefined) throw new Error(`the registry of OrasCache ${name} is not ready`);
      return async (digest) => {
        const manifest = await readManifest({ ...access, signal }, repository, digest);
        if (manifest === undefined) throw new Error(`${repository}@${digest} is not in the registry`);
        return manifest.bytes;
      };
    },
  };
}

function remoteSource(
  { manifest, turns }: RemoteSources,
  url: string,
  namespace: string,
  artifact: AskedFor,
): Source {
  const { repository, login } = artifact;
  const read: Read = async (digest) => {
    if (!turns.isNow(url)) throw new Error(`the registry of ${repository} is asked for many others first`);
    const found = await manifest(namespace, artifact, digest);
    if (found === undefined || "refused" in found || "denied" in found)
      throw new Error(`${repository}@${digest} is not shown to the operator`);
    if ("missing" in found) throw new Error(`${repository}@${digest} is not in the registry`);
    if ("tooLong" in found) return undefined;
    if ("bytes" in found) return found.bytes;
    if ("stopMs" in found && found.stopMs !== undefined) turns.stop(url, found.stopMs);
    throw new Error(`${repository}@${digest} is not known: ${found.unknown}`);
  };
  // What one login shows, another may not.
  const id = `${namespace} ${url} ${login?.secret ?? ""}`;
  return { id, mostParts: mostRemoteParts, reader: () => Promise.resolve(read) };
}

/** What the parts of an index have, as a step gets it: undefined where one of them is no manifest of files. */
async function filesOfParts(
  look: (digest: string) => Promise<Remembered>,
  digests: readonly string[],
): Promise<InputFile[] | undefined> {
  const found = new Map<string, readonly InputFile[]>();
  let left = mostPartBytes;
  for (const digest of new Set(digests)) {
    const { files, length = 0 } = await look(digest);
    left -= length;
    if (files === undefined || left < 0) return undefined;
    found.set(digest, files);
  }
  return digests.flatMap((digest) => found.get(digest) ?? []);
}
